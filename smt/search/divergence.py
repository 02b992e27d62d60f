"""Deltas of networks that diverged, as a search may see them.

A network that diverges need not fail: with an NE of 450 instead of 0.9 its delta is -50,000%,
which is a number. What takes its scale from all deltas, a Gaussian process first of all, then
sees no difference between the others. A delta far below -α says one thing, that the model has
regressed, and how far tells no θ from another: it is held to a floor, as that of a failed model is.
A, tables and what is recommended keep what was measured.
"""

import math
from collections.abc import Sequence

from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.regressed import small
from smt.search.trial import Trial

FAR = 200.0
"""How many α below 0 the floor is: surrogates of gains of 6 α are as good with such losses as
without, and no technique with them is kept."""


def floor(alpha: float) -> float:
    """Percent, below which deltas are all alike to a search."""
    return -FAR * small(alpha)


def bounded(trial: Trial, alpha: float) -> Trial:
    """The trial with deltas of at least the floor, and standard errors that are no larger.

    Of a delta at the floor, the standard error is how far above it one reaches. Its aggregate
    stays what was measured.
    """
    lowest = floor(alpha)
    outcomes = [_bounded(delta, lowest) for delta in trial.outcomes]
    return Trial(trial.theta, outcomes, aggregate=trial.aggregate)


def bounded_outcome(trial: Trial, goal: Goal) -> Trial:
    """`bounded`, with the aggregate of the deltas as they are then."""
    held = bounded(trial, goal.alpha)
    if held.outcomes == trial.outcomes:
        return held
    outcome = aggregate(held.outcomes, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
    return Trial(held.theta, held.outcomes, aggregate=outcome)


def held_off(trial: Trial, alpha: float, shares: Sequence[float]) -> float:
    """By how much, percent, μ of the deltas as bounded is above μ as measured."""
    return math.fsum(
        share * max(floor(alpha) - delta.value, 0.0)
        for share, delta in zip(shares, trial.outcomes, strict=True)
        if delta.value is not None
    )


def diverged(delta: Delta, alpha: float) -> bool:
    """Whether a delta was measured and is below the floor."""
    return delta.value is not None and delta.value < floor(alpha)


def _bounded(delta: Delta, lowest: float) -> Delta:
    if delta.value is None:
        return delta
    if delta.sem is None:
        return Delta.measured(max(delta.value, lowest))
    above = delta.sem if delta.value >= lowest else max(delta.value + delta.sem - lowest, 0.0)
    return Delta.measured(max(delta.value, lowest), min(above, -lowest))
