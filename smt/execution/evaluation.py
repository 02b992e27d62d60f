"""What is asked of one evaluation, and what is recorded of it."""

from typing import Any

from smt.fleet import ModelSpec, log_name
from smt.search.delta import Delta
from smt.spec import Spec, digest
from smt.template import Template
from smt.template.named_files import named_files
from smt.template.training import Training
from smt.training import EventMetrics, ValueMetrics

# Part of every key: raise it when training changes so that old numbers no longer compare.
TRAINING_VERSION = 7


class Task(Spec):
    """One evaluation to run: (technique, θ, model, seed), with θ applied already.

    Attributes:
        technique: None for a baseline.
        trial: Number of the trial of its technique; None for a baseline.
        template: None where the technique could not be applied; `failure` says why.
        log_digest: Content of the model's log.
        files: File that the template, or its baseline's, names -> digest of its content.
    """

    technique: str | None = None
    trial: int | None = None
    theta: dict[str, Any] = {}
    template: Template | None
    failure: str | None = None
    model: ModelSpec
    seed: int
    log_digest: str
    files: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Digest of everything that the numbers depend on."""
        model = self.model.to_dict()
        for label in ("weight", "inference_flops", "event_rates", "log", "template", "incumbent"):
            model.pop(label, None)
        template = None if self.template is None else self.template.to_dict()
        named = () if self.template is None else named_files(self.template)
        # Nothing is added where there are none: keys from before files counted stay what they were.
        digests = [[self.files[file] for file in named]] if named else []
        return digest([template, model, self.seed, self.log_digest, TRAINING_VERSION, *digests])

    @property
    def name(self) -> str:
        """Unique within a run; sorts by technique, then trial."""
        if self.technique is None:
            return f"baseline/{self.key}"
        return f"{self.technique}/{self.trial:04d}-{self.key}"

    def baseline(self, template: Template) -> "Task":
        """The evaluation that this one is compared with."""
        kept = {name: getattr(self, name) for name in ("model", "seed", "log_digest", "files")}
        return Task(template=template, **kept)

    @property
    def log(self) -> str:
        """`log_name` of the model's log."""
        return log_name(self.model.log)

    @property
    def training(self) -> Training:
        """How it is trained; where the technique could not be applied, nothing is to do."""
        return Training() if self.template is None else self.template.training


class Evaluation(Spec):
    """A row of the ledger: one network trained and measured, or the reason why not.

    Attributes:
        name, key: Of its task.
        delta, sem: Percent, against the baseline; None for baselines and failures. The
            standard error is clustered where the log's schema says by what.
        flops, bytes: That serving the network takes, counted; None where it failed.
        failure: One sentence; None where it succeeded.
        seconds: Inside the evaluation: training and measuring.
    """

    name: str
    key: str
    technique: str | None
    trial: int | None
    theta: dict[str, Any]
    model: str
    seed: int
    delta: float | None = None
    sem: float | None = None
    ne: float | None = None
    metrics: dict[str, EventMetrics | ValueMetrics] = {}
    flops: int | None = None
    bytes: int | None = None
    train_rows: int | None = None
    judged_rows: int | None = None
    failure: str | None = None
    seconds: float = 0.0

    @property
    def outcome(self) -> Delta:
        """Δ of its model, or why there is none; a baseline tries nothing."""
        if self.failure is not None:
            return Delta.failed(self.failure)
        return Delta.of(self.delta, self.sem)

    def to_row(self) -> dict[str, Any]:
        """Of a table; `status` is that of its delta, `failure` why there is none."""
        row = self.to_dict()
        metrics = [{"event": event, **figures} for event, figures in row["metrics"].items()]
        return {**row, "metrics": metrics, "status": self.outcome.status}

    @classmethod
    def of(cls, task: Task, **measured: Any) -> "Evaluation":
        """The record of a task with what was measured."""
        same = ("name", "key", "technique", "trial", "theta", "seed")
        known = {name: getattr(task, name) for name in same}
        return cls(**known, model=task.model.name, **measured)
