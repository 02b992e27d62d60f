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


class DeltaSummary(Spec):
    """Δ over the models that were compared, percent.

    Attributes:
        mean_by_traffic: None where none of them has traffic.
        better, worse: Models whose 95% interval excludes 0.
        regressed: Models below -α.
    """

    models: int
    mean: float
    mean_by_traffic: float | None
    min: float
    quartiles: tuple[float, float, float]
    max: float
    better: int
    worse: int
    regressed: int


class CostChange(Spec):
    """A cost of serving under the baselines and under the templates."""

    before: int | float
    after: int | float
    saved_percent: float


class CostSummary(Spec):
    """Over the models of which both costs are known.

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
        delta, shipped_delta: Of all models, and of those that ship; None where none was compared.
        cost: None where no two costs can be compared.
        tuning: None where nothing was tuned.
        attributes: Attribute -> value -> its models; the first is the template.
    """

    kind: Literal["launch"] = "launch"
    format: Literal[2] = 2
    fleet: str
    templates: dict[str, tuple[str, ...]]
    settings: LaunchSettings
    models: int
    outcomes: dict[LaunchDecision, int]
    delta: DeltaSummary | None
    shipped_delta: DeltaSummary | None
    cost: CostSummary | None
    tuning: TuningSummary | None
    attributes: dict[str, dict[str, AttributeGroup]]
    not_shipped: tuple[HeldModel, ...]

    @property
    def baselines(self) -> tuple[str, ...]:
        """What models are compared with, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(self.templates.values())))
