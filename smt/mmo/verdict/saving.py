"""Techniques that generalize because serving costs less, and no model is the worse for it."""

import math
from collections.abc import Sequence
from typing import Literal

from smt.execution.evaluation import Evaluation
from smt.results.savings import Savings
from smt.search.goal import Goal
from smt.search.recommend import SURE


def mean_savings(
    before: Sequence[Evaluation], after: Sequence[Evaluation], shares: Sequence[float]
) -> Savings | None:
    """Over models; None where a cost is not known.

    Args:
        before, after: A model each, with `flops` and `bytes`.
        shares: The models' weights, summing to 1.
    """
    flops, bytes_ = (_mean_saving(before, after, shares, cost) for cost in ("flops", "bytes"))
    return None if flops is None or bytes_ is None else Savings(flops=flops, bytes=bytes_)


def least_mean(goal: Goal, *, saves: bool) -> float:
    """What μ must reach, percent: τ; of a saver, whose quality may not fall by it, −τ."""
    return -abs(goal.tau) if saves else goal.tau


def non_inferior(lower: float | None, feasible_probability: float, goal: Goal) -> bool:
    """Whether a saver does no harm: few models fall by α, and μ not by τ, both with 95%.

    Args:
        lower: One-sided 95% bound of μ, percent; None where a standard error is unknown.
        feasible_probability: P(R <= ε).
    """
    above = lower is not None and lower > least_mean(goal, saves=True)
    return above and feasible_probability >= SURE


def explain_saving(
    saved: Savings, lower: float | None, feasible_probability: float, goal: Goal
) -> str:
    """What a saver saves, and whether it is non-inferior, as the end of a sentence."""
    bound = "a bound of μ that is unknown" if lower is None else f"μ above {lower:+.3f}%"
    margin = least_mean(goal, saves=True)
    holds = non_inferior(lower, feasible_probability, goal)
    verdict = "is non-inferior" if holds else f"is not surely non-inferior (0.95, {margin:+g}%)"
    return (
        f"it saves {saved} and {verdict}: P(R <= {goal.epsilon:g}) = {feasible_probability:.2f}, "
        f"{bound} with 95% confidence"
    )


def _mean_saving(
    before: Sequence[Evaluation],
    after: Sequence[Evaluation],
    shares: Sequence[float],
    cost: Literal["flops", "bytes"],
) -> float | None:
    saved = []
    for old, new, share in zip(before, after, shares, strict=True):
        was, now = getattr(old, cost), getattr(new, cost)
        if not was or now is None:
            return None
        saved.append(share * (1 - now / was))
    return math.fsum(saved)
