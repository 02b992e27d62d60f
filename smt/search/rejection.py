"""Early rejection: when a trial is settled before all of its models are evaluated."""

from collections.abc import Iterable
from dataclasses import dataclass

from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.trial import Proposal


@dataclass(frozen=True)
class Rejection:
    """When a trial is not worth finishing.

    Attributes:
        alpha: A model regresses where its delta is below -α, percent, or it failed.
        allowed: How many models may regress.
    """

    alpha: float
    allowed: int

    def settles(self, deltas: Iterable[Delta]) -> bool:
        """Whether so many models have regressed that A is -inf whatever the others give."""
        return sum(delta.regressed(self.alpha) for delta in deltas) > self.allowed


def plan_rejection(proposal: Proposal, goal: Goal, *, early: bool) -> Rejection | None:
    """When a trial of the proposal ends early; None where it is finished whatever it shows.

    Args:
        early: Whether the search rejects early at all.
    """
    return Rejection(goal.alpha, goal.allowed) if early and not proposal.finish else None
