"""What a back-test decided of a new version: the content of its `result.json`."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from smt.capacity import Capacity
from smt.fleet.budget import Growth
from smt.results.folder import Result
from smt.results.savings import Savings
from smt.results.technique import Kind
from smt.search.delta import Delta
from smt.space import AnyDomain
from smt.spec import Spec
from smt.template import Template
from smt.template.versions import AppliedTechnique, BackTest, RunRecord


class Exposure(Spec):
    """What becomes of a hyperparameter that a run's sensitivity analysis wants exposed.

    Attributes:
        place: What a model may set, such as `training.dense_rate`; None where it cannot.
        domain: What to. The template's value, the default, is in it.
        obstacle: Why it cannot be exposed; None where it can.
        reason: Why the run wants it exposed.
    """

    technique: str
    hyperparameter: str
    place: str | None
    domain: AnyDomain
    obstacle: str | None
    reason: str

    def __str__(self) -> str:
        of = f"{self.hyperparameter} of {self.technique}"
        if self.obstacle is not None:
            return f"{of} stays fixed: {self.obstacle}"
        return f"{of} is exposed as {self.place}, {self.domain}"


class PlaceChange(Spec):
    """One place of the template, in words."""

    place: str
    before: str
    after: str


class Thresholds(Spec):
    """By which a version is kept: α and τ in percent, ε a share of models, `saving` of costs.

    Attributes:
        capacity: By how many percent serving the fleet may become dearer.
    """

    alpha: float
    epsilon: float
    tau: float
    saving: float
    capacity: Capacity


class Misfit(Spec):
    """A model of the fleet that a version cannot serve, though its parent can, or the fleet.

    Attributes:
        model: None of the fleet as a whole, which would cost more than its capacity.
        reason: The limit that it breaks, or why it has no network.
        excess: Percent above the limit; None without a network.
    """

    model: str | None
    reason: str
    excess: float | None

    @property
    def named(self) -> str:
        """The model, or the fleet, as a person calls it."""
        return "the whole fleet" if self.model is None else self.model


def unserved_models(misfits: Sequence[Misfit]) -> set[str]:
    """The models among what cannot be served."""
    return {misfit.model for misfit in misfits if misfit.model is not None}


class ModelGroup(Spec):
    """Several models together.

    Attributes:
        mean, mean_sem: μ and its standard error, percent; None where one failed.
        regression_rate: R.
        value: A, percent; None stands for -inf.
        savings: None where one failed.
    """

    models: int
    savings: Savings | None
    mean: float | None
    mean_sem: float | None
    regression_rate: float
    value: float | None
    helped: int
    neutral: int
    regressed: int


class WithoutTechnique(Spec):
    """A version that is not kept, without one of its techniques.

    Attributes:
        blamed: Whether the version is not kept for this technique.
        kept: None where nothing was trained; nor are there the numbers of `ModelGroup` then.
        deltas: Model -> Δ against the parent; empty where nothing was trained.
        misfits: What it cannot serve.
        failure: Why there is no version without the technique; None where there is.
    """

    technique: str
    blamed: bool
    kept: bool | None = None
    value: float | None = None
    mean: float | None = None
    mean_sem: float | None = None
    regression_rate: float | None = None
    deltas: dict[str, Delta] = {}
    misfits: tuple[Misfit, ...] = ()
    failure: str | None = None

    @property
    def unserved(self) -> str:
        """How many models it cannot serve, and whether the fleet would cost too much."""
        dear = any(misfit.model is None for misfit in self.misfits)
        return f"{len(unserved_models(self.misfits))}{', too dear' if dear else ''}"


class BackTestedModel(Spec):
    """A model under the version and under its parent.

    Attributes:
        representative: Whether techniques were searched on it; it is of the holdout where not.
        weight: Share of all weights.
        delta: Mean over the seeds; its standard error is of rows and seeds.
        by_seed: S deltas.
        ne_before, ne_after: Means over the seeds; None where one failed.
        flops_after, bytes_after: None where its first seed failed.
    """

    model: str
    representative: bool
    weight: float
    delta: Delta
    by_seed: tuple[Delta, ...]
    ne_before: float | None
    ne_after: float | None
    flops_before: int | None
    flops_after: int | None
    bytes_before: int | None
    bytes_after: int | None
    judged_rows: int | None


class UndatedVersion(Spec):
    """The version in full, less the date of writing: equal back-tests leave equal results."""

    name: str
    number: int
    parent: int | None
    techniques: tuple[AppliedTechnique, ...]
    run: RunRecord
    backtest: BackTest | None
    notes: str
    template: Template


class IntegrationResult(Result):
    """A new version against its parent.

    Attributes:
        kinds: Technique -> why it generalized in the run.
        reason: Why it is kept, or not.
        misfits: What it cannot serve; nothing is trained where that is known before.
        growth: Of what serving the whole fleet costs, with the versions kept before it in place.
        blame_reason: Which techniques it is not kept for; None where none were left out.
        blame: Without each technique in turn; empty where it is kept.
        groups: `all`, `representatives` and `holdout`, those that have models; None where they
            have no traffic.
    """

    kind: Literal["back-test"] = "back-test"
    format: Literal[2] = 2
    fleet: str
    template: str
    parent: int | None
    number: int
    techniques: tuple[AppliedTechnique, ...]
    kinds: dict[str, Kind]
    exposures: tuple[Exposure, ...]
    changes: tuple[PlaceChange, ...]
    settings: Thresholds
    seeds: tuple[int, ...] = Field(min_length=1)
    decision: Literal["kept", "not kept"]
    reason: str
    misfits: tuple[Misfit, ...]
    growth: Growth | None
    blame_reason: str | None
    blame: tuple[WithoutTechnique, ...]
    groups: dict[str, ModelGroup | None]
    models: tuple[BackTestedModel, ...]
    version: UndatedVersion

    @property
    def kept(self) -> bool:
        """Whether the version is."""
        return self.decision == "kept"
