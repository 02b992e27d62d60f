"""What a launch decided: the content of its `result.json`."""

from itertools import chain
from typing import Literal

from pydantic import ConfigDict, Field

from smt.results.folder import Result
from smt.results.launch_settings import LaunchSettings
from smt.search.delta import Delta
from smt.space import Value
from smt.spec import LEFT_OUT_IF_NONE, Spec

LaunchDecision = Literal["ships", "held back", "failed"]
DECISIONS: tuple[LaunchDecision, ...] = ("ships", "held back", "failed")


Effect = Literal["helps", "is neutral", "harms"]


class MeanDelta(Spec):
    """Mean Δ of the models that were compared, percent.

    Attributes:
        interval: Of 95%, that knows of rows that models share, and of how models differ; None where
            a standard error is unknown.
    """

    mean: float
    interval: tuple[float, float] | None

    @property
    def effect(self) -> Effect | None:
        """What the interval says of the launch."""
        if self.interval is None:
            return None
        low, high = self.interval
        return "helps" if low > 0 else "harms" if high < 0 else "is neutral"


class DeltaSummary(Spec):
    """Δ over all models that were compared, percent, whether or not they ship.

    Attributes:
        each: Every model counts alike.
        by_traffic: None where none of them has traffic.
        better, worse: Models whose 95% interval excludes 0.
        regressed: Models below -α.
    """

    models: int
    each: MeanDelta
    by_traffic: MeanDelta | None
    min: float
    quartiles: tuple[float, float, float]
    max: float
    better: int
    worse: int
    regressed: int


class ShippedSummary(Spec):
    """Δ of the models that ship, as all models of their changes tell; percent.

    They were chosen by what was measured, and these means are what is left of it without luck.

    Attributes:
        mean_by_traffic: None where none of them has traffic.
    """

    models: int
    mean: float
    mean_by_traffic: float | None


class CostChange(Spec):
    """A cost of serving a fleet.

    Attributes:
        before: Under the baselines.
        everywhere: Were all models served under their templates.
        after: With those that ship under their templates, and the others as before.
        budget: What it may come to; None where it is free.
        saved_percent: Of what it was before, after the launch.
    """

    before: float
    everywhere: float
    after: float
    budget: float | None
    saved_percent: float


class CostSummary(Spec):
    """Over the models of which both costs are known; the budget counts no others.

    Attributes:
        flops: Mean an example by traffic.
        bytes: Sum.
    """

    models: int
    flops: CostChange
    bytes: CostChange


class UntunedModel(Spec):
    """A model whose hyperparameters could not be tuned, and why."""

    model: str
    remark: str | None


class TunedHyperparameter(Spec):
    """What models chose for one hyperparameter.

    Attributes:
        searched: For how many models it was searched.
        chosen: How many of those chose a value of their own.
        set: Models whose own value the fleet names, which none of the others do.
        least, median, most: Of the values chosen, where they are numbers.
        values: (value, models) of anything else.
    """

    default: Value
    searched: int
    chosen: int
    set: int
    least: int | float | None = LEFT_OUT_IF_NONE
    median: int | float | None = LEFT_OUT_IF_NONE
    most: int | float | None = LEFT_OUT_IF_NONE
    values: tuple[tuple[Value, int], ...] | None = LEFT_OUT_IF_NONE


class TuningSummary(Spec):
    """Which models chose what.

    Attributes:
        chosen, kept: Models that chose values of their own, and that kept the defaults.
        evaluations: Networks trained.
        failures: How many of those failed.
        gain: Median Δ, on the rows that confirmed them, of the values that models chose; as only
            gains are confirmed, it flatters them a little. None where none chose any.
        hyperparameters: By place.
    """

    models: int
    chosen: int
    kept: int
    failed: tuple[UntunedModel, ...]
    evaluations: int
    failures: int
    gain: float | None
    hyperparameters: dict[str, TunedHyperparameter]


class AttributeGroup(Spec):
    """The models that share a value of an attribute; their mean Δ is percent."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    models: int
    ships: int
    held_back: int = Field(alias="held back")
    failed: int
    mean_delta: float | None


class HeldModel(Spec):
    """A model that does not ship."""

    model: str
    outcome: LaunchDecision
    reasons: tuple[str, ...]
    delta: Delta


class LaunchResult(Result):
    """What became of a fleet under its templates.

    Attributes:
        templates: Those that models are made from -> what their models are compared with, as a
            person calls them; empty where with nothing.
        delta: Of all models; None where none was compared.
        shipped: Of those that ship; None where none of them was compared.
        cost: None where no two costs can be compared.
        tuning: None where nothing was tuned.
        attributes: Attribute -> value -> its models; the first is the template.
    """

    kind: Literal["launch"] = "launch"
    format: Literal[3] = 3
    fleet: str
    templates: dict[str, tuple[str, ...]]
    settings: LaunchSettings
    models: int
    outcomes: dict[LaunchDecision, int]
    delta: DeltaSummary | None
    shipped: ShippedSummary | None
    cost: CostSummary | None
    tuning: TuningSummary | None
    attributes: dict[str, dict[str, AttributeGroup]]
    not_shipped: tuple[HeldModel, ...]

    @property
    def baselines(self) -> tuple[str, ...]:
        """What models are compared with, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(self.templates.values())))
