"""What a search knows when it chooses the next θ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.space import Space, Theta


def allow_all(_: Theta) -> str | None:
    """No θ is refused."""
    return None


@dataclass(frozen=True)
class SearchState:
    """All that a proposal depends on: it is a pure function of this.

    Attributes:
        trials: Finished ones, in order.
        pending: Points tried at the moment, whose outcome is not known.
        earlier: Trials of the technique from other runs, with a delta a model (not evaluated of
            models that were not in that run). They tell "composite" where to look
            (`smt.search.surrogate.warm_start`), and are none of this search's trials: their θ may
            be proposed.
        early_stopping: Say where no further trial is worth its price; "composite" knows.
        refusal: Why a θ may not be tried, known beforehand, or None; the same for the same θ.
    """

    space: Space
    goal: Goal
    trials: Sequence[Trial] = ()
    pending: Sequence[Theta] = ()
    seed: int = 0
    earlier: Sequence[Trial] = ()
    early_stopping: bool = False
    refusal: Callable[[Theta], str | None] = allow_all

    @cached_property
    def encoding(self) -> Encoding:
        """Of the space."""
        return Encoding(self.space)

    @property
    def tried(self) -> list[Theta]:
        """All points that were tried, or are."""
        return [*(trial.theta for trial in self.trials), *self.pending]

    @property
    def exhausted(self) -> bool:
        """Whether all points of the space are tried."""
        distinct = {frozenset(theta.items()) for theta in self.tried}
        return len(distinct) >= self.encoding.count_points()

    @property
    def order(self) -> tuple[int, ...]:
        """The models' numbers by how often they regressed so far, the first of equals first."""
        counts = [
            sum(trial.outcomes[model].regressed(self.goal.alpha) for trial in self.trials)
            for model in range(len(self.goal.shares))
        ]
        return tuple(sorted(range(len(counts)), key=lambda model: -counts[model]))
