"""Which template every model of a fleet gets at what the fleet costs."""

from typing import Literal

from smt.results.folder import Result
from smt.spec import Spec


class ModelChoice(Spec):
    """A model and its template.

    Attributes:
        today: What it runs.
        gain, sem: Δ against today and its standard error, percent.
        flops, flops_today: Of one example.
    """

    model: str
    weight: float
    today: str
    template: str
    gain: float
    sem: float
    flops: float
    flops_today: float


class ChosenTemplate(Spec):
    """The models that get one template.

    Attributes:
        traffic: Their share.
        gain: Their mean Δ, percent.
    """

    models: int
    traffic: float
    gain: float


class FrontierPoint(Spec):
    """The largest gain at a cost.

    Attributes:
        cost: Of the fleet, over today's.
        gain: Mean Δ by traffic, percent.
    """

    cost: float
    gain: float


class CapacityResult(Result):
    """The choice of the largest mean Δ by traffic within a budget.

    Attributes:
        budget: Of the fleet's FLOPs, over today's.
        cost: What the choice takes, over today's.
        flops, flops_today: An example, mean by traffic.
        gain, gain_sem: Mean Δ by traffic against today, percent, and its standard error, which
            counts models as independent and not that a choice prefers what was measured high.
        shadow_price: Percent of Δ that 1% more of today's cost would bring.
        templates: Template -> the models that get it; that of most models first.
        frontier: From the least cost to the most.
        left_out: Models of which is not known what they cost today; they stay as they are.
    """

    kind: Literal["capacity"] = "capacity"
    format: Literal[1] = 1
    fleet: str
    launches: tuple[str, ...]
    budget: float
    cost: float
    flops: float
    flops_today: float
    gain: float
    gain_sem: float
    shadow_price: float
    templates: dict[str, ChosenTemplate]
    frontier: tuple[FrontierPoint, ...]
    choices: tuple[ModelChoice, ...]
    left_out: tuple[str, ...]
