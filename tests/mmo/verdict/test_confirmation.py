import math

import numpy as np
import pytest

from smt.mmo import Trial, aggregate
from smt.mmo.verdict.confirmation import candidates, choose_confirmed, explain, measure
from smt.search.goal import Goal
from smt.search.recommend import Estimate

SEEDS = (1, 2)


def estimated(number, mean, sem, chance):
    return Estimate(trial=number, mean=mean, sem=sem, feasible_probability=chance)


def trial(deltas, sems=None, theta=None):
    sems = [0.05] * len(deltas) if sems is None else sems
    return Trial(theta or {"x": 0.0}, tuple(deltas), tuple(sems), aggregate(deltas))


def flat(value, m=10):
    return trial([value] * m)


def names(m):
    return [f"m{number}" for number in range(m)]


def measured(*by_candidate):
    """Candidates of (delta of every seed) on ten models."""
    replicates = [
        (number, {"x": float(number)}, [flat(value) for value in values])
        for number, values in enumerate(by_candidate)
    ]
    return measure(replicates, SEEDS, Goal.over(10), names(10))


def test_without_a_surrogate_the_largest_a_that_reaches_tau_are_candidates():
    trials = [flat(0.1), flat(-1.0), flat(0.3), flat(0.04), flat(0.2)]
    assert candidates(trials, [], Goal.over(10), count=3) == [2, 4, 0]
    assert candidates(trials, [], Goal.over(10), count=2) == [2, 4]
    assert candidates(trials[1:2] + trials[3:4], [], Goal.over(10), count=3) == []


def test_with_a_surrogate_those_that_are_surely_feasible_come_first_by_mean():
    trials = [flat(0.9), flat(0.3), flat(0.4), flat(0.3), flat(-0.5)]
    estimates = [
        estimated(number, mean, 0.01, chance)
        for number, (mean, chance) in enumerate(
            [(0.9, 0.6), (0.3, 0.99), (0.35, 0.96), (0.3, 0.9), (0.9, 0.99)]
        )
    ]
    assert candidates(trials, estimates, Goal.over(10), count=4) == [2, 1, 3, 0]


def test_a_trial_below_tau_is_a_candidate_where_the_surrogate_thinks_more_of_it():
    estimates = [estimated(0, 0.08, 0.01, 0.99), estimated(1, 0.03, 0.01, 0.99)]
    assert candidates([flat(0.04), flat(0.04)], estimates, Goal.over(10), count=3) == [0]


def test_a_measured_delta_is_the_mean_over_seeds_and_none_that_failed():
    goal = Goal.over(2, epsilon=0.5)
    replicates = [trial([0.2, 0.4]), trial([0.4, math.nan])]
    (found,) = measure([(7, {"x": 1.0}, replicates)], SEEDS, goal, names(2))
    assert found.trial == 7
    assert found.seeds == SEEDS
    assert found.deltas["m0"].value == pytest.approx(0.3)
    assert found.deltas["m1"].status == "failed"
    assert found.value is None
    assert (found.interval, found.lower) == (None, None)
    assert found.decision == "does not"
    assert explain(found, goal, 2) == "a model fails on 2 fresh seeds"


def test_the_variance_between_seeds_is_pooled_in_units_of_the_noise_of_rows():
    # One model's noise is ten times the other's; each seed moves both by 2 of their sems.
    replicates = [trial([0.9, -1.0], [0.05, 0.5]), trial([1.1, 1.0], [0.05, 0.5])]
    (found,) = measure([(0, {}, replicates)], SEEDS, Goal.over(2), names(2))
    variance = 2 * 2**2  # of ±2 about their mean, in units of sem²
    expected = [math.sqrt(sem**2 + variance * sem**2 / 2) for sem in (0.05, 0.5)]
    assert [delta.sem for delta in found.deltas.values()] == pytest.approx(expected)


def test_lower_bounds_hold_for_all_candidates_of_a_null_technique_together():
    rng = np.random.default_rng(0)
    goal = Goal.over(20, tau=-100.0, epsilon=1.0)
    taken = 0
    for _ in range(200):
        replicates = [
            (number, {}, [trial(rng.normal(0, 0.1, 20), [0.05] * 20) for _ in SEEDS])
            for number in range(3)
        ]
        taken += choose_confirmed(measure(replicates, SEEDS, goal, names(20))) is not None
    assert taken / 200 < 0.05


def test_the_largest_confirmed_a_is_chosen_and_noise_is_not():
    goal = Goal.over(10)
    found = measured((0.2, 0.2), (0.3, 0.32), (0.04, 0.04), (-0.2, -0.2))
    assert [candidate.decision for candidate in found] == [
        "generalizes",
        "generalizes",
        "not worth more",
        "does not",
    ]
    chosen = choose_confirmed(found)
    assert chosen is not None
    assert chosen.trial == 1
    assert chosen.theta == {"x": 1.0}
    assert explain(found[2], goal, 2) == "on 2 fresh seeds A = +0.040% is below τ = 0.05%"
    assert explain(found[3], goal, 2) == "on 2 fresh seeds R = 1.00 is above ε = 0.1"
    assert "is above +0.1" in explain(chosen, goal, 2) or "is above +0.2" in explain(
        chosen, goal, 2
    )
    noisy = measured((0.9, -0.7))
    assert choose_confirmed(noisy) is None
    assert "it may be noise" in explain(noisy[0], goal, 2)


def test_an_unknown_standard_error_confirms_nothing():
    goal = Goal.over(3)
    replicates = [trial([0.3] * 3, [None] * 3)] * 2
    (found,) = measure([(0, {}, replicates)], SEEDS, goal, names(3))
    assert found.value == pytest.approx(0.3)
    assert choose_confirmed([found]) is None
    assert "standard error is unknown" in explain(found, goal, 2)


@pytest.mark.parametrize(
    ("near", "while_seeds_remain", "at_the_last"),
    [
        ((-0.02, -0.02), "generalizes", "generalizes"),
        ((-0.04, -0.04, -0.02), "open", "generalizes"),
        ((-0.045, -0.045, -0.045, -0.045), "open", "not worth more"),
    ],
)
def test_a_gain_must_surely_spare_most_models_while_seeds_remain_and_likely_at_the_last(
    near, while_seeds_remain, at_the_last
):
    """Of ten models one may regress; several are so near to -α that noise may hide it."""
    seen = [trial([*[0.2] * (10 - len(near)), *near])] * 2
    for seeds, decision in (((1, 2, 3, 4), while_seeds_remain), (SEEDS, at_the_last)):
        (found,) = measure([(0, {}, seen)], seeds, Goal.over(10), names(10))
        assert (found.decision, found.kind == "gain") == (decision, decision == "generalizes")
