"""A search in units of α: what is proposed does not depend on what a percent is.

Deltas of 0.05% and of 5% are one search where errors, α and τ go with them.
"""

import math
from dataclasses import replace
from statistics import median

from smt.search.aggregate import Aggregate
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.state import SearchState
from smt.search.trial import Trial

# What is equal but for rounding must lead to the same θ, and a fit of a surrogate forgives nothing.
DIGITS = 10


def unit_of(state: SearchState) -> float:
    """Percent: α, τ where that is 0, and where both are the median size of the deltas."""
    sizes = [
        abs(delta.value)
        for trial in (*state.trials, *state.earlier)
        for delta in trial.outcomes
        if delta.value
    ]
    return state.goal.alpha or abs(state.goal.tau) or (median(sizes) if sizes else 1.0)


def in_units(state: SearchState, unit: float) -> SearchState:
    """The state with all that is percent as multiples of a unit, of `DIGITS` digits."""
    goal = state.goal
    return replace(
        state,
        goal=Goal(goal.shares, _round(goal.alpha / unit), goal.epsilon, _round(goal.tau / unit)),
        trials=[_trial(trial, goal, unit) for trial in state.trials],
        earlier=[_trial(trial, goal, unit) for trial in state.earlier],
    )


def _trial(trial: Trial, goal: Goal, unit: float) -> Trial:
    outcomes = [_delta(delta, unit) for delta in trial.outcomes]
    values = [delta.value for delta in outcomes if delta.value is not None]
    mean = _round(trial.aggregate.mean / unit)
    if len(values) == len(outcomes):
        # As `aggregate` would have it, to the last digit.
        mean = math.fsum(share * value for share, value in zip(goal.shares, values, strict=True))
    rate = trial.aggregate.regression_rate
    value = mean if trial.aggregate.feasible else -math.inf
    return Trial(trial.theta, outcomes, aggregate=Aggregate(mean, rate, value))


def _delta(delta: Delta, unit: float) -> Delta:
    if delta.value is None:
        return delta
    sem = None if delta.sem is None else _round(delta.sem / unit)
    return Delta.measured(_round(delta.value / unit), sem)


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
