"""Percent are a convention: a search is the same whatever all of its numbers are multiplied by."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.search.aggregate import Aggregate, aggregate
from smt.search.goal import Goal
from smt.search.methods.catalogue import METHODS
from smt.search.propose import judge, propose
from smt.search.recommend import choose
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.search.units import in_units, unit_of
from smt.template import Choice, Float

SPACE = {"x": Float(0.0, 1.0), "kind": Choice(("a", "b"))}


def state_of(rows, factor=1.0, alpha=0.05, tau=0.05, **kwargs):
    """A trial a row of (delta, sem) pairs."""
    goal = Goal.over(len(rows[0]), alpha=factor * alpha, epsilon=0.25, tau=factor * tau)
    trials = []
    for place, row in enumerate(rows):
        deltas = [None if delta is None else factor * delta for delta, _ in row]
        sems = [None if sem is None else factor * sem for _, sem in row]
        if None in deltas:
            outcome = Aggregate(math.nan, 0.5, -math.inf)
        else:
            outcome = aggregate(deltas, alpha=goal.alpha, epsilon=goal.epsilon)
        theta = {"x": (place + 0.5) / len(rows), "kind": "ab"[place % 2]}
        trials.append(Trial(theta, deltas, sems, outcome))
    return SearchState(SPACE, goal, trials, **kwargs)


def curve(loss):
    """Eight trials of four models; losses at the left end, one trial stopped early."""
    noise = np.random.default_rng(0)
    rows = []
    for x in (np.arange(8) + 0.5) / 8:
        gain = 0.3 - 2 * (x - 0.7) ** 2 if x > 0.25 else -loss
        rows.append([(gain + 0.02 * noise.normal(), 0.02) for _ in range(4)])
    rows[3][2:] = [(None, None), (None, None)]
    return rows


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", [0.4, 300.0])
def test_no_proposal_depends_on_the_units(method, loss):
    found = propose(state_of(curve(loss)), method)
    for factor in (0.025, 1000.0):
        assert propose(state_of(curve(loss), factor), method) == found


def test_no_recommendation_depends_on_the_units():
    state, scaled = state_of(curve(300.0)), state_of(curve(300.0), 0.025)
    best, estimate = choose(state.trials, judge(state, "composite"), state.goal.shares)
    other, again = choose(scaled.trials, judge(scaled, "composite"), state.goal.shares)
    assert best.theta == other.theta
    assert again.mean == pytest.approx(0.025 * estimate.mean)
    assert again.sem == pytest.approx(0.025 * estimate.sem)
    assert again.feasible_probability == estimate.feasible_probability


def test_why_a_search_may_end_is_said_in_percent():
    rows = [[(-0.3, 0.01)] * 4 for _ in range(20)]
    for factor, tau in ((1.0, "0.05%"), (40.0, "2%")):
        state = state_of(rows, factor, early_stopping=True)
        assert f"A >= {tau}" in propose(state, "composite").stop


PAIR = st.tuples(st.integers(-(10**6), 10**5), st.none() | st.integers(0, 1000))


@given(
    st.lists(st.lists(PAIR, min_size=2, max_size=2), min_size=1, max_size=4),
    st.floats(1e-6, 1e6),
    st.sampled_from([(0.05, 0.05), (0.0, 0.05), (0.0, 0.0), (2.0, -1.0)]),
)
def test_a_state_in_units_is_the_same_of_any_multiple(numbers, factor, thresholds):
    rows = [[(d / 1000, None if s is None else s / 1000) for d, s in row] for row in numbers]
    state, scaled = (state_of(rows, by, *thresholds) for by in (1.0, factor))
    found = in_units(state, unit_of(state))
    assert in_units(scaled, unit_of(scaled)) == found
    if thresholds[0]:
        assert found.goal.alpha == 1.0
