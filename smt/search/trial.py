"""A trial: one θ on all representative models."""

from collections.abc import Sequence
from dataclasses import dataclass

from smt.search.aggregate import Aggregate
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

    @property
    def evaluations(self) -> int:
        """How many models were evaluated."""
        return sum(delta is not None for delta in self.deltas)


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


def spent(trials: Sequence[Trial], most: int | None) -> str | None:
    """Why no further trial begins, once so many evaluations are made; None where one may."""
    made = sum(trial.evaluations for trial in trials)
    return None if most is None or made < most else f"{made} of {most} evaluations are made"
