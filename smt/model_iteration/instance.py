"""A model instantiated from a template (Fig. 7): what is asked, and what is recorded of it."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from smt.execution.evaluation import TRAINING_VERSION
from smt.fleet import ModelSpec, log_name
from smt.fleet.incumbent import Outside
from smt.results.launch import LaunchDecision
from smt.search.delta import Delta
from smt.search.posterior import Posterior
from smt.serving import ServingCost
from smt.spec import LEFT_OUT_IF_NONE, Spec, digest
from smt.template import Template
from smt.training import EventMetrics, ValueMetrics

Hyperparameters = dict[str, bool | int | float | str]


class Job(Spec):
    """One model to instantiate.

    Attributes:
        version: Number of the template's version, for the model card; None for a file's.
        baseline: The template that the model is compared with, if it is with one.
        incumbent: What it is compared with in place of a template, if it is.
        log_digest: Content of the model's log.
        files: File that a template names, or is of its incumbent -> digest of its content.
        tune_evaluations: Networks that may be trained to choose its hyperparameters; 0 keeps the
            template's.
    """

    template: Template
    version: int | None
    baseline: Template | None
    incumbent: Outside | None = LEFT_OUT_IF_NONE
    model: ModelSpec
    seed: int
    log_digest: str
    # Left out where empty, so that keys of models whose templates name no file stay what they were.
    files: dict[str, str] = Field(default={}, exclude_if=lambda files: not files)
    # Left out where 0, so that keys of models that are not tuned stay what they were.
    tune_evaluations: NonNegativeInt = Field(default=0, exclude_if=lambda budget: budget == 0)

    @property
    def key(self) -> str:
        """Digest of everything that the evidence depends on."""
        fields = self.to_dict()
        for label in ("inference_flops", "event_rates", "template", "incumbent"):
            fields["model"].pop(label, None)
        return digest([fields, TRAINING_VERSION])

    @property
    def log(self) -> str:
        """`log_name` of the model's log."""
        return log_name(self.model.log)

    def no_delta(self, reason: str) -> Delta:
        """Of a model whose network, or what it is compared with, failed."""
        compared = self.baseline is not None or self.incumbent is not None
        return Delta.failed(reason) if compared else Delta.not_evaluated()


class Tuning(Spec):
    """How a model's hyperparameters were chosen.

    Attributes:
        choice: `chosen`: values of its own; `kept`: the defaults, as nothing was surely better;
            `failed`: the defaults, as they could not be compared with anything.
        default: Of what was searched, the template's values.
        evaluations: Networks trained, that of the defaults included.
        failures: How many of the others diverged, or broke a limit before they were trained.
        delta, sem: Percent, of the best values found against the defaults on the validation rows,
            whether or not they were chosen; None where there are none.
        confirmed_delta, confirmed_sem: Percent, of the same on rows that did not find them; None
            where they were not compared there.
        remark: Why it failed.
    """

    choice: Literal["chosen", "kept", "failed"]
    default: Hyperparameters
    evaluations: int
    failures: int = 0
    delta: float | None = None
    sem: float | None = None
    confirmed_delta: float | None = None
    confirmed_sem: float | None = None
    remark: str | None = None


Finding = Literal["could ship", "held back", "failed"]


class Evidence(Spec):
    """What was measured of a model under the template, and what that says of it alone.

    Attributes:
        key: Of its job.
        finding: `could ship`, as far as it alone can tell; `held back` by its own limits; `failed`:
            no network that could ship.
        reasons: Why it could not ship, a sentence each; of one that could, what to know.
        ne, baseline_ne: On the same judged rows.
        constant_ne: Of predicting the event rates there that the training window's end knew.
        delta: Against the baseline; not evaluated where there is none, or it came to no network.
        bucket_shares: What each bucket of users adds to Δ (`smt.training.shared_noise`).
        cost, baseline_cost: Of serving.
        within_limits: Whether serving it breaks none of its own limits; None where not trained.
        hyperparameters: What the template exposes, by place: with which values it was trained.
        tuning: How those were chosen; None where none were searched.
        seconds: Wall time of everything on its worker.
        workers: How many trained it together.
    """

    model: str
    key: str
    finding: Finding
    reasons: tuple[str, ...] = ()
    ne: float | None = None
    baseline_ne: float | None = None
    constant_ne: float | None = None
    delta: Delta = Delta.not_evaluated()
    bucket_shares: tuple[float, ...] = ()
    metrics: dict[str, EventMetrics | ValueMetrics] = {}
    cost: ServingCost | None = None
    baseline_cost: ServingCost | None = None
    within_limits: bool | None = None
    hyperparameters: Hyperparameters = {}
    tuning: Tuning | None = None
    train_rows: int | None = None
    judged_rows: int | None = None
    seconds: float = 0.0
    workers: int = 1

    @property
    def device_hours(self) -> float:
        """Hours that workers were busy with it."""
        return self.seconds * self.workers / 3600


class Instance(Spec):
    """A model under the template: whether it ships, and the evidence for it.

    Attributes:
        outcome: `ships`; `held back` by its own evidence or the fleet's; `failed`.
        reasons: Why it does not ship, a sentence each; of one that ships, what to know.
        posterior: What all models together say of its Δ; None where that was not measured.
    """

    outcome: LaunchDecision
    reasons: tuple[str, ...]
    posterior: Posterior | None
    evidence: Evidence

    @model_validator(mode="after")
    def _follow_from_the_evidence(self) -> Self:
        finding = self.evidence.finding
        known: tuple[LaunchDecision, ...] = (
            ("ships", "held back") if finding == "could ship" else (finding,)
        )
        if self.outcome not in known:
            raise ValueError(f"a model that {finding} cannot be one that {self.outcome}")
        status = self.evidence.delta.status
        if (self.posterior is not None) != (status == "measured"):
            raise ValueError(f"a delta that is {status} has the posterior {self.posterior}")
        return self

    @property
    def model(self) -> str:
        """Its name."""
        return self.evidence.model
