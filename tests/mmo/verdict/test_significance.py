import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_models import made_model
from scipy.stats import norm

from smt.execution.evaluation import Evaluation
from smt.mmo import aggregate
from smt.mmo.verdict.significance import (
    combine_replicates,
    feasible_probability,
    mean_interval,
    pooled_feasible_probability,
    regression_chances,
    seed_variance,
)
from smt.search.delta import Delta
from smt.template_iteration.comparison import ModelComparison

FAILED = math.nan
DELTA = st.floats(-5, 5)
SEM = st.floats(0, 5)


def outcomes(deltas, sems):
    """A delta each; NaN failed."""
    return [Delta.of(delta, sem) for delta, sem in zip(deltas, sems, strict=True)]


def flat_chance(deltas, sems, epsilon):
    """P(R <= ε), each model judged alone."""
    return feasible_probability(regression_chances(outcomes(deltas, sems), 0.05), epsilon)


@given(DELTA, st.floats(1e-3, 5), st.floats(0, 2))
def test_chance_to_regress_is_the_normal_tail_below_minus_alpha(delta, sem, alpha):
    (found,) = regression_chances(outcomes([delta], [sem]), alpha)
    assert found == pytest.approx(norm(delta, sem).cdf(-alpha), abs=1e-12)


@pytest.mark.parametrize("sem", [None, math.nan, 0.0])
def test_without_a_standard_error_the_observation_decides(sem):
    deltas = [-0.06, -0.05, math.nextafter(-0.05, -1), 1.0]
    assert regression_chances(outcomes(deltas, [sem] * 4), 0.05) == [1.0, 0.0, 1.0, 0.0]


def test_a_failed_model_has_regressed_whatever_its_standard_error():
    assert regression_chances(outcomes([FAILED] * 3, [None, 0.0, 9.0]), 0.05) == [1.0, 1.0, 1.0]


def enumerate_outcomes(chances):
    """Every one of the 2^m outcomes, by its number of regressions."""
    found = [0.0] * (len(chances) + 1)
    for outcome in itertools.product([False, True], repeat=len(chances)):
        pairs = zip(chances, outcome, strict=True)
        found[sum(outcome)] += math.prod(p if regressed else 1 - p for p, regressed in pairs)
    return found


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_chance_to_be_feasible_is_that_of_all_outcomes(chances):
    models = len(chances)
    found = [feasible_probability(chances, count / models) for count in range(models + 1)]
    assert found == pytest.approx(np.cumsum(enumerate_outcomes(chances)), abs=1e-12)


def test_regressions_of_a_hundred_models_have_the_mean_and_variance_of_their_chances():
    chances = np.random.default_rng(0).random(100)
    below = [feasible_probability(chances.tolist(), count / 100) for count in range(101)]
    found = np.diff(below, prepend=0.0)
    counts = np.arange(101)
    mean = found @ counts
    assert mean == pytest.approx(chances.sum())
    assert found @ (counts - mean) ** 2 == pytest.approx((chances * (1 - chances)).sum())


@pytest.mark.parametrize(("epsilon", "failed"), [(0.1, 0), (0.25, 0), (0.25, 1), (0.5, 2)])
def test_chance_to_be_feasible_is_that_of_drawn_deltas(epsilon, failed):
    rng = np.random.default_rng(7)
    deltas = rng.normal(0, 0.1, 12)
    sems = rng.uniform(0.02, 0.2, 12)
    drawn = rng.normal(deltas, sems, (100_000, 12))
    drawn[:, :failed] = -math.inf
    expected = ((drawn < -0.05).mean(axis=1) <= epsilon).mean()
    deltas[:failed] = FAILED
    found = flat_chance(deltas.tolist(), sems.tolist(), epsilon)
    assert found == pytest.approx(expected, abs=0.006)


# In the last three, the product of m and ε rounds to below the count that is ε's share of m.
@pytest.mark.parametrize(
    ("m", "epsilon", "most"),
    [(10, 0.1, 1), (20, 0.15, 3), (10, 0.1 * 3, 3), (50, 0.58, 29), (90, 0.7, 63), (100, 0.29, 29)],
)
def test_a_rate_of_exactly_epsilon_is_feasible_and_one_more_is_not(m, epsilon, most):
    for count, expected in ((most, 1.0), (most + 1, 0.0)):
        deltas = [-1.0] * count + [1.0] * (m - count)
        for sem in (0.0, None, 1e-3):
            found = flat_chance(deltas, [sem] * m, epsilon)
            assert found == pytest.approx(expected, abs=1e-12)
        assert aggregate(deltas, epsilon=epsilon).feasible == bool(expected)


@given(
    st.integers(1, 120).flatmap(lambda m: st.tuples(st.just(m), st.integers(0, m))),
    st.one_of(st.floats(0, 1.2), st.integers(0, 100).map(lambda percent: percent / 100)),
)
def test_without_noise_it_agrees_with_aggregate(counts, epsilon):
    m, count = counts
    deltas = [-1.0] * count + [1.0] * (m - count)
    found = flat_chance(deltas, [0.0] * m, epsilon)
    assert found == aggregate(deltas, epsilon=epsilon).feasible


@given(st.lists(st.tuples(DELTA, SEM), min_size=1, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_more_leave_to_regress_is_never_less_likely(models, one, two):
    deltas, sems = zip(*models, strict=True)
    low, high = (flat_chance(deltas, sems, each) for each in sorted((one, two)))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("weights", [None, (5.0, 1.0, 1.0, 0.0)])
def test_interval_of_the_mean_covers_it_as_often_as_it_says(weights):
    rng = np.random.default_rng(3)
    truth = np.array([0.3, -0.1, 0.0, 2.0])
    sems = [0.1, 0.4, 0.2, 3.0]
    mean = np.average(truth, weights=weights)
    hits = 0
    for deltas in rng.normal(truth, sems, (4000, 4)):
        low, high = mean_interval(outcomes(deltas.tolist(), sems), weights)
        hits += low < mean < high
    assert hits / 4000 == pytest.approx(0.95, abs=0.02)


def test_interval_of_the_mean_is_of_95_percent():
    assert mean_interval(outcomes([0.1, 0.3], [0.3, 0.4])) == pytest.approx(
        (0.2 - 0.25 * 1.959964, 0.2 + 0.25 * 1.959964), abs=1e-6
    )
    assert mean_interval(outcomes([0.1, 0.3], [0.0, 0.0])) == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize(
    ("deltas", "sems"),
    [
        ([0.1, None], [0.1, 0.1]),
        ([0.1, FAILED], [0.1, 0.1]),
        ([0.1, 0.2], [0.1, None]),
        ([0.1, 0.2], [math.nan, 0.1]),
    ],
)
def test_there_is_no_interval_where_a_delta_or_its_error_is_unknown(deltas, sems):
    assert mean_interval(outcomes(deltas, sems)) is None


def comparison(deltas, sems):
    model = made_model("a")
    found = tuple(
        Evaluation(
            name=f"{seed}",
            key="k",
            technique="t",
            trial=0,
            theta={},
            model="a",
            seed=seed,
            delta=None if math.isnan(delta) else delta,
            sem=sem,
            failure="it broke" if math.isnan(delta) else None,
        )
        for seed, (delta, sem) in enumerate(zip(deltas, sems, strict=True))
    )
    return ModelComparison(model, (), found)


@given(st.lists(st.tuples(DELTA, SEM), min_size=1, max_size=6))
def test_replicates_are_combined_as_a_back_test_does(replicates):
    deltas, sems = zip(*replicates, strict=True)
    expected = comparison(deltas, sems).delta
    assert combine_replicates(outcomes(deltas, sems)) == expected
    of_rows = sum(sem**2 for sem in sems) / len(sems)
    of_seeds = statistics.variance(deltas) / len(deltas) if len(deltas) > 1 else 0.0
    literal = math.sqrt(of_rows + of_seeds)
    assert expected.value == pytest.approx(statistics.mean(deltas))
    assert expected.sem == pytest.approx(literal)


def test_replicates_one_of_which_failed_have_no_mean_as_in_a_back_test():
    expected = comparison((0.1, FAILED), (0.1, None)).delta
    assert expected == Delta.failed("it broke")
    assert combine_replicates([Delta.measured(0.1, 0.1), expected]) == expected


def combined(deltas, sems, variance=None):
    """Mean and standard error."""
    found = combine_replicates(outcomes(deltas, sems), seed_variance=variance)
    return found.value, found.sem


def test_replicates_of_unknown_noise_have_a_mean_alone():
    assert combined([0.1, 0.3], [0.1, None]) == (pytest.approx(0.2), None)


def test_one_replicate_takes_the_variance_between_seeds_from_elsewhere():
    assert combined([0.2], [0.3], 0.16) == (0.2, pytest.approx(0.5))
    assert combined([0.2], [0.3]) == (0.2, pytest.approx(0.3))
    assert combined([0.2], [None], 0.16) == (0.2, None)


def test_a_known_variance_between_seeds_stands_for_the_spread_of_a_few():
    assert combined([0.1, 0.3], [0.3, 0.3], 0.14) == (pytest.approx(0.2), pytest.approx(0.4))


def test_pooled_chance_to_be_feasible_is_right_as_often_as_it_says():
    rng = np.random.default_rng(3)
    said, flat, true = [], [], []
    for _ in range(800):
        truth = rng.normal(rng.normal(0.1, 0.2), rng.uniform(0, 0.3), 12)
        sems = rng.uniform(0.05, 0.2, 12)
        deltas = rng.normal(truth, sems).tolist()
        true.append(np.mean(truth < -0.05) <= 0.1)
        measured = outcomes(deltas, sems.tolist())
        said.append(pooled_feasible_probability(measured, alpha=0.05, epsilon=0.1))
        flat.append(flat_chance(deltas, sems.tolist(), 0.1))
    said, flat, true = map(np.array, (said, flat, true))
    assert np.mean((said - true) ** 2) < np.mean((flat - true) ** 2)
    for low in (0, 1 / 3, 2 / 3):
        inside = (said >= low) & (said <= low + 1 / 3)
        assert said[inside].mean() == pytest.approx(true[inside].mean(), abs=0.1)


def test_what_has_no_noise_is_not_pooled():
    def pooled(deltas, sems):
        return pooled_feasible_probability(outcomes(deltas, sems), alpha=0.05, epsilon=0.3)

    sure = [0.1, -0.2, 0.3, -0.4]
    assert pooled(sure, [0.0, None, 0.0, None]) == 0.0
    assert pooled([*sure[:3], FAILED], [0.0] * 4) == 0.0
    two = [0.1, -0.1], [0.1, 0.1]
    assert pooled(*two) == flat_chance(*two, 0.3)


@given(st.lists(st.lists(DELTA, min_size=2, max_size=5), min_size=1, max_size=6))
def test_variance_between_seeds_is_pooled_over_models(deltas_by_model):
    freedom = [len(deltas) - 1 for deltas in deltas_by_model]
    each = [statistics.variance(deltas) for deltas in deltas_by_model]
    expected = sum(n * v for n, v in zip(freedom, each, strict=True)) / sum(freedom)
    assert seed_variance(deltas_by_model) == pytest.approx(expected, abs=1e-9)


def test_noise_of_rows_that_seeds_share_is_not_taken_for_theirs():
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 3.0, (500, 1))
    seeds = rng.normal(0, 0.2, (500, 3))
    assert seed_variance((rows + seeds).tolist()) == pytest.approx(0.04, rel=0.1)


def test_one_more_training_is_covered_with_the_variance_of_other_models():
    rng = np.random.default_rng(6)
    learned = seed_variance((rng.normal(0, 1, (200, 1)) + rng.normal(0, 0.4, (200, 3))).tolist())
    found = [
        combined([delta], [0.3], learned)
        for delta in 1.0 + rng.normal(0, 0.3, 2000) + rng.normal(0, 0.4, 2000)
    ]
    hits = sum(abs(mean - 1.0) < 1.96 * sem for mean, sem in found)
    assert 0.93 < hits / 2000 < 0.97
