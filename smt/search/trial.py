"""A trial: one θ on all representative models."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from smt.search.aggregate import Aggregate
from smt.search.aggregate import aggregate as aggregate_deltas
from smt.search.delta import Delta
from smt.space import Theta


@dataclass(frozen=True, init=False)
class Trial:
    """One θ on the representative models.

    Attributes:
        outcomes: A delta a model.
    """

    theta: Theta
    outcomes: tuple[Delta, ...]
    aggregate: Aggregate

    def __init__(
        self,
        theta: Theta,
        deltas: Sequence[Delta | float | None],
        sems: Sequence[float | None] | None = None,
        aggregate: Aggregate | None = None,
    ) -> None:
        """Plain numbers become deltas here; see `Delta.of`.

        Args:
            deltas: m deltas, percent; None where not evaluated, NaN where it failed.
            sems: m standard errors of those that are plain numbers; unknown where None.
            aggregate: Of the deltas under the goal of the search; its defaults where None.
        """
        sems = [None] * len(deltas) if sems is None else sems
        outcomes = tuple(Delta.of(*pair) for pair in zip(deltas, sems, strict=True))
        object.__setattr__(self, "theta", theta)
        object.__setattr__(self, "outcomes", outcomes)
        object.__setattr__(self, "aggregate", aggregate or aggregate_deltas(outcomes))

    @property
    def deltas(self) -> tuple[float | None, ...]:
        """A plain number a model, percent; None where not evaluated, NaN where it failed."""
        return tuple(delta.plain for delta in self.outcomes)

    @property
    def sems(self) -> tuple[float | None, ...]:
        """Their standard errors; None where unknown, or not measured."""
        return tuple(delta.sem for delta in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data that `from_dict` turns back into an equal trial."""
        outcomes = [delta.to_dict() for delta in self.outcomes]
        return {"theta": self.theta, "outcomes": outcomes, "aggregate": asdict(self.aggregate)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """What `to_dict` was called on."""
        outcomes = [Delta.model_validate(delta) for delta in values["outcomes"]]
        return cls(values["theta"], outcomes, aggregate=Aggregate(**values["aggregate"]))

    @property
    def evaluations(self) -> int:
        """How many models were evaluated."""
        return len(self.outcomes) - self.skipped

    @property
    def skipped(self) -> int:
        """How many were not."""
        return sum(delta.status == "not_evaluated" for delta in self.outcomes)


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
