"""Deltas of networks that diverged: what a search sees of them, and what stays as measured."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.mmo import aggregate, analyze_sensitivity, optimize
from smt.mmo.verdict.confirmation import measure
from smt.mmo.verdict.significance import pooled_feasible_probability
from smt.search.delta import Delta
from smt.search.divergence import bounded, bounded_outcome, diverged, floor, held_off
from smt.search.goal import Goal
from smt.search.methods import ax_search, composite
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.template import Float

SPACE = {"x": Float(0.0, 1.0)}
GOAL = Goal.over(4, epsilon=0.25)
LOW = floor(GOAL.alpha)
DELTA = st.none() | st.just(math.nan) | st.floats(-1e6, 100)
SEM = st.none() | st.floats(0, 1e6)


def trial(x, deltas, sems=None, goal=GOAL):
    outcome = aggregate(deltas, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
    return Trial({"x": x}, tuple(deltas), sems or (0.02,) * len(deltas), outcome)


def trials_with(bad, sem=0.02):
    """A quarter of the space diverges; beyond, one model alone does so now and then."""
    noise = random.Random(0)
    made = []
    for number in range(8):
        x = (number + 0.5) / 8
        gain = 0.3 * math.exp(-(((x - 0.62) / 0.1) ** 2))
        deltas = [gain - 0.04 + 0.01 * noise.gauss(0, 1) for _ in range(4)]
        sems = [0.02] * 4
        hit = range(4) if x < 0.25 else [3] if number in (4, 6) else []
        for model in hit:
            deltas[model], sems[model] = bad * (1 + 0.1 * model), sem
        made.append(trial(x, deltas, tuple(sems)))
    return made


def at_the_floor(trials):
    """The same, where the networks that diverged were measured at the floor without noise."""
    return [
        trial(
            each.theta["x"],
            [max(delta, LOW) for delta in each.deltas],
            tuple(0.0 if d < LOW else s for d, s in zip(each.deltas, each.sems, strict=True)),
        )
        for each in trials
    ]


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, -10), (0.05, -10), (0.5, -100)])
def test_the_floor_is_far_below_alpha(alpha, expected):
    assert floor(alpha) == expected
    assert diverged(Delta.measured(expected - 0.1), alpha)
    assert not any(diverged(Delta.of(d), alpha) for d in (expected, 0.0, None, math.nan))


@given(st.lists(st.tuples(DELTA, SEM), min_size=4, max_size=4))
def test_bounded_deltas_regress_where_they_did_and_no_number_is_below_the_floor(pairs):
    deltas, sems = zip(*pairs, strict=True)
    made = Trial({}, deltas, sems, aggregate([0.0]))
    found = bounded(made, GOAL.alpha)
    assert found.aggregate is made.aggregate
    for before, after, sem, held in zip(deltas, found.deltas, sems, found.sems, strict=True):
        if before is None or math.isnan(before):
            assert after is before
            assert held is None
            continue
        assert after == max(before, LOW)
        assert (after < -GOAL.alpha) == (before < -GOAL.alpha)
        assert (held is None) == (sem is None)
        assert held is None or 0 <= held <= min(sem, -LOW)


def test_a_delta_near_the_floor_is_as_unsure_as_it_may_be_above_it():
    found = bounded(trial(0.5, [LOW - 1] * 4, (0.5, 1.5, 3.0, 1e5)), GOAL.alpha)
    assert found.sems == (0.0, 0.5, 2.0, -LOW)


@pytest.mark.parametrize("bad", [-5e3, -5e4, -1e12])
@pytest.mark.parametrize("sem", [0.02, 3000.0])
def test_the_surrogate_proposes_what_it_would_with_losses_at_the_floor(bad, sem):
    trials = trials_with(bad, min(sem, -bad / 10))
    found = composite.propose(SearchState(SPACE, GOAL, trials))
    assert found is not None
    assert found == composite.propose(SearchState(SPACE, GOAL, at_the_floor(trials)))


def test_ax_proposes_what_it_would_with_losses_at_the_floor():
    trials = trials_with(-5e4)
    found = ax_search.propose(SearchState(SPACE, GOAL, trials))
    assert found is not None
    assert found == ax_search.propose(SearchState(SPACE, GOAL, at_the_floor(trials)))


def test_the_estimate_of_a_trial_holds_what_was_measured():
    trials = trials_with(-5e4)
    estimates = composite.estimate(SearchState(SPACE, GOAL, trials))
    others = composite.estimate(SearchState(SPACE, GOAL, at_the_floor(trials)))
    assert trials[4].aggregate.feasible
    assert trials[4].aggregate.value < -10_000
    for made, found, other in zip(trials, estimates, others, strict=True):
        held = held_off(made, GOAL.alpha, GOAL.shares)
        assert found.mean == pytest.approx(other.mean - held)
        assert found.feasible_probability == other.feasible_probability
    assert estimates[4].mean < -10_000


def test_an_outcome_as_bounded_is_that_of_the_bounded_deltas():
    made = trial(0.5, [0.2, 0.2, 0.2, -5e4])
    assert bounded_outcome(made, GOAL).aggregate.value == pytest.approx((0.6 + LOW) / 4)
    early = Trial({"x": 0.5}, (-5e4, -5e4, None, None), (1.0,) * 4, aggregate([-1.0, -1.0]))
    assert bounded_outcome(early, GOAL).aggregate.regression_rate == 0.5


def test_a_search_by_ranks_finds_the_gain_beside_a_cliff():
    pytest.importorskip("optuna")
    noise = random.Random(1)

    def measured(theta, model):
        if theta["x"] < 0.25:
            return -50_000.0 * (1 + 0.1 * model), 3000.0
        bump = 0.3 * math.exp(-(((theta["x"] - 0.62) / 0.1) ** 2))
        return bump - 0.04 + 0.01 * noise.gauss(0, 1), 0.02

    found = optimize(SPACE, measured, models=range(4), trials=14, method="tpe", seed=0)
    assert found.best.value > 0.15
    lost = [d for each in found.trials for d in each.deltas if d is not None and d < LOW]
    assert lost
    assert max(lost) <= -50_000


@pytest.mark.filterwarnings("ignore:x moves")
def test_one_diverged_network_does_not_set_the_scale_of_sensitivity():
    trials = trials_with(-5e4)[2:]
    found = analyze_sensitivity(trials, SPACE)["x"]
    assert found == analyze_sensitivity(at_the_floor(trials), SPACE)["x"]
    assert abs(found.beta) < -LOW


def test_the_other_models_are_pooled_as_without_a_diverged_one():
    outcomes = [Delta.measured(delta, 0.05) for delta in (-0.03, 0.0, 0.02, 0.05, -0.06, 0.01)]
    broken = Delta.measured(-5e4, 3000.0)
    # It regressed for certain, so one fewer of seven may.
    with_it = pooled_feasible_probability([*outcomes, broken], Goal.over(7, epsilon=2 / 7))
    alone = pooled_feasible_probability(outcomes, Goal.over(6, epsilon=1 / 6))
    assert with_it == pytest.approx(alone, abs=1e-9)


def test_seeds_of_a_diverged_network_say_nothing_of_the_other_models():
    seeds = [trial(0.5, [0.2, 0.3, 0.1, -0.02]), trial(0.5, [0.21, 0.28, 0.12, -0.03])]
    broken = [seeds[0], trial(0.5, [0.21, 0.28, 0.12, -5e4])]
    (before,), (after,) = (
        measure([(0, {"x": 0.5}, made)], (1, 2), GOAL, "abcd") for made in (seeds, broken)
    )
    before_sems, after_sems = ([it.deltas[name].sem for name in "abc"] for it in (before, after))
    assert max(after_sems) < 2 * max(before_sems)
    assert after.deltas["d"].value == pytest.approx(-25_000.01)
