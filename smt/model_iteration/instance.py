"""A model instantiated from a template (Fig. 7): what is asked, and what is recorded of it."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from smt.execution.evaluation import TRAINING_VERSION
from smt.fleet import ModelSpec, log_name
from smt.results.launch import LaunchDecision
from smt.search.delta import Delta
from smt.serving import ServingCost
from smt.spec import Spec, digest
from smt.template import Template
from smt.training import EventMetrics, ValueMetrics

Hyperparameters = dict[str, bool | int | float | str]


class Job(Spec):
    """One model to instantiate.

    Attributes:
        version: Number of the template's version, for the model card; None for a file's.
        baseline: What the model is compared with; None compares with nothing.
        alpha: Percent; a model regresses below -alpha.
        log_digest: Content of the model's log.
        files: File that either template names -> digest of its content.
        tune_evaluations: Networks that may be trained to choose its hyperparameters; 0 keeps the
            template's.
    """

    template: Template
    version: int | None
    baseline: Template | None
    model: ModelSpec
    seed: int
    alpha: float
    log_digest: str
    # Left out where empty, so that keys of models whose templates name no file stay what they were.
    files: dict[str, str] = Field(default={}, exclude_if=lambda files: not files)
    # Left out where 0, so that keys of models that are not tuned stay what they were.
    tune_evaluations: NonNegativeInt = Field(default=0, exclude_if=lambda budget: budget == 0)

    @property
    def key(self) -> str:
        """Digest of everything that the outcome depends on."""
        fields = self.to_dict()
        for label in ("inference_flops", "template", "incumbent"):
            fields["model"].pop(label, None)
        return digest([fields, TRAINING_VERSION])

    @property
    def log(self) -> str:
        """`log_name` of the model's log."""
        return log_name(self.model.log)

    def no_delta(self, reason: str) -> Delta:
        """Of a model whose network, or whose baseline's, failed."""
        return Delta.not_evaluated() if self.baseline is None else Delta.failed(reason)


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


class Instance(Spec):
    """A model under the template: whether it ships, and the numbers that say so.

    Attributes:
        key: Of its job.
        outcome: `ships`; `held back` by the gate; `failed`: no network that could ship.
        reasons: Why it does not ship, a sentence each; of one that ships, what to know.
        ne, baseline_ne: On the same judged rows.
        constant_ne: Of predicting the event rates there that the training window's end knew.
        delta: Against the baseline; not evaluated where there is none, or it came to no network.
        cost, baseline_cost: Of serving.
        within_limits: Whether serving it breaks none of its own limits; None where not trained.
        hyperparameters: What the template exposes, by place: with which values it was trained.
        tuning: How those were chosen; None where none were searched.
        seconds: Wall time of everything on its worker.
        workers: How many trained it together.
    """

    model: str
    key: str
    outcome: LaunchDecision
    reasons: tuple[str, ...] = ()
    ne: float | None = None
    baseline_ne: float | None = None
    constant_ne: float | None = None
    delta: Delta = Delta.not_evaluated()
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
