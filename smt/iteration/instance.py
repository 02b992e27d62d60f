"""A model instantiated from a template (Fig. 7): what is asked, and what is recorded of it."""

from typing import Literal

from smt.execution.evaluation import TRAINING_VERSION
from smt.fleet import ModelSpec, log_name
from smt.serving import ServingCost
from smt.spec import Spec, digest
from smt.template import Template
from smt.training import EventMetrics

Outcome = Literal["ships", "held back", "failed"]


class Job(Spec):
    """One model to instantiate.

    Attributes:
        version: Number of the template's version, for the model card; None for a file's.
        baseline: What the model is compared with; None compares with nothing.
        alpha: Percent; a model regresses below -alpha.
        log_digest: Content of the model's log.
    """

    template: Template
    version: int | None
    baseline: Template | None
    model: ModelSpec
    seed: int
    alpha: float
    log_digest: str

    @property
    def key(self) -> str:
        """Digest of everything that the outcome depends on."""
        content = self.to_dict()
        content["model"].pop("inference_flops")
        return digest([content, TRAINING_VERSION])

    @property
    def log(self) -> str:
        """`log_name` of the model's log."""
        return log_name(self.model.log)


class Instance(Spec):
    """A model under the template: whether it ships, and the numbers that say so.

    Attributes:
        key: Of its job.
        outcome: `ships`; `held back` by the gate; `failed`: no network that could ship.
        reasons: Why it does not ship, a sentence each; of one that ships, what to know.
        ne, baseline_ne: On the same test rows.
        constant_ne: Of predicting the event rates there that the training window's end knew.
        delta, sem: Percent, against the baseline; None where there is none.
        cost, baseline_cost: Of serving.
        seconds: Wall time of everything on its worker.
        workers: How many trained it together.
    """

    model: str
    key: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    ne: float | None = None
    baseline_ne: float | None = None
    constant_ne: float | None = None
    delta: float | None = None
    sem: float | None = None
    metrics: dict[str, EventMetrics] = {}
    cost: ServingCost | None = None
    baseline_cost: ServingCost | None = None
    train_rows: int | None = None
    test_rows: int | None = None
    seconds: float = 0.0
    workers: int = 1

    @property
    def device_hours(self) -> float:
        """Hours that workers were busy with it."""
        return self.seconds * self.workers / 3600
