"""A trial: one θ on all representative models."""

from dataclasses import dataclass

from smt.mmo.aggregate import Aggregate
from smt.template.space import Theta


@dataclass(frozen=True)
class Trial:
    """One θ on the representative models.

    Attributes:
        deltas: A delta a model, percent; None where not evaluated, NaN where it failed.
        sems: Their standard errors; None where unknown.
    """

    theta: Theta
    deltas: tuple[float | None, ...]
    sems: tuple[float | None, ...]
    aggregate: Aggregate


@dataclass(frozen=True)
class Proposal:
    """What to try next.

    Attributes:
        order: The models' numbers, the likeliest to regress first.
        finish: Whether the trial is worth finishing even once it is known to be infeasible.
        stop: Why the search may end without trying it; None where it is worth its price, or
            nobody asked.
    """

    theta: Theta
    order: tuple[int, ...]
    finish: bool = False
    stop: str | None = None
