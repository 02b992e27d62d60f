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
