import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.mmo import aggregate
from smt.search.aggregate import mean_sem, normalise_weights

DELTA = st.floats(-5, 5)
FAILED = math.nan


def literal(deltas, weights, alpha, epsilon):
    """Eqs. 2 to 4, term by term."""
    regression_rate = 0.0
    mean = 0.0
    for delta, weight in zip(deltas, weights, strict=True):
        if delta < -alpha:
            regression_rate += 1
        mean += weight / sum(weights) * delta
    regression_rate /= len(deltas)
    return mean, regression_rate, mean if regression_rate <= epsilon else -math.inf


@given(
    st.lists(st.tuples(DELTA, st.floats(0.001, 100)), min_size=1, max_size=30),
    st.floats(0, 2),
    st.floats(0, 1),
)
def test_aggregate_equals_equations_2_to_4(models, alpha, epsilon):
    deltas, weights = zip(*models, strict=True)
    mean, rate, value = literal(deltas, weights, alpha, epsilon)
    found = aggregate(deltas, weights, alpha=alpha, epsilon=epsilon)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.regression_rate == pytest.approx(rate)
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.feasible == (value > -math.inf)


@given(st.lists(st.tuples(DELTA, st.floats(0.01, 100)), min_size=1, max_size=9), st.floats(0.1, 9))
def test_only_the_ratio_of_weights_matters(models, scale):
    deltas, weights = zip(*models, strict=True)
    found = aggregate(deltas, [weight * scale for weight in weights])
    assert found.mean == pytest.approx(aggregate(deltas, weights).mean, abs=1e-9)


@given(st.lists(DELTA, min_size=1, max_size=9))
def test_without_weights_models_count_equally(deltas):
    found = aggregate(deltas)
    assert found == aggregate(deltas, [1.0] * len(deltas))
    assert found.mean == pytest.approx(sum(deltas) / len(deltas), abs=1e-12)


def test_the_defaults_are_the_papers():
    assert aggregate([-0.06] + [1.0] * 9).regression_rate == 0.1
    assert aggregate([-0.05] + [1.0] * 9).regression_rate == 0.0
    assert aggregate([-0.06] + [1.0] * 9).feasible
    assert not aggregate([-0.06] + [1.0] * 8).feasible


@pytest.mark.parametrize("m", [10, 20, 30, 70])
def test_a_rate_of_exactly_epsilon_is_feasible_and_one_more_is_not(m):
    few = m // 10
    deltas = [-1.0] * few + [1.0] * (m - few)
    assert aggregate(deltas).value == pytest.approx(1 - 2 * few / m)
    more = [-1.0] * (few + 1) + [1.0] * (m - few - 1)
    assert aggregate(more).value == -math.inf


def test_a_delta_of_exactly_minus_alpha_has_not_regressed():
    assert aggregate([-0.05]).regression_rate == 0.0
    assert aggregate([math.nextafter(-0.05, -1)]).regression_rate == 1.0


@given(st.lists(st.floats(0, 5), max_size=30), st.integers(1, 3))
def test_a_failed_model_has_regressed_and_no_technique_that_breaks_one_is_kept(rest, failures):
    deltas = [FAILED] * failures + rest
    found = aggregate(deltas, epsilon=1.0)
    assert found.value == -math.inf
    assert math.isnan(found.mean)
    assert found.regression_rate == pytest.approx(failures / len(deltas))


def test_a_failed_model_of_weight_zero_still_counts():
    found = aggregate([FAILED, 1.0], [0.0, 1.0], epsilon=1.0)
    assert (found.regression_rate, found.value) == (0.5, -math.inf)


@given(
    st.lists(st.sampled_from([None, -1.0, FAILED, 1.0]), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_models_not_evaluated_are_allowed_only_once_the_verdict_is_settled(deltas, epsilon):
    known = sum(delta is not None and not delta >= -0.05 for delta in deltas) / len(deltas)
    if None not in deltas:
        return
    if known > epsilon:
        found = aggregate(deltas, epsilon=epsilon)
        assert math.isnan(found.mean)
        assert found.regression_rate == pytest.approx(known)
        assert found.value == -math.inf
    else:
        with pytest.raises(InputError, match="not evaluated"):
            aggregate(deltas, epsilon=epsilon)


@pytest.mark.parametrize(
    ("deltas", "weights", "message"),
    [
        ([1.0, 2.0], [1.0, -1.0], r"weight -1\.0 is not a finite number of at least 0"),
        ([1.0, 2.0], [1.0, math.nan], "weight nan is not"),
        ([1.0, 2.0], [1.0, math.inf], "weight inf is not"),
        ([1.0, 2.0], [0.0, 0.0], "all weights are zero"),
        ([1.0, 2.0], [1.0], "1 weights are given for 2 models"),
        ([], None, "there are no models"),
        ([], [], "there are no models"),
        ([1.0, None], None, "1 of 2 models are not evaluated"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(deltas, weights, message):
    with pytest.raises(InputError, match=message):
        aggregate(deltas, weights)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20).filter(any))
def test_weights_are_normalised_to_sum_one(weights):
    assert math.fsum(normalise_weights(weights, len(weights))) == pytest.approx(1)


def test_the_smallest_and_the_largest_weights_normalise():
    assert normalise_weights([5e-324, 5e-324], 2) == [0.5, 0.5]
    assert math.fsum(normalise_weights([1e300, 1e300], 2)) == pytest.approx(1)


def test_error_of_the_mean_is_that_of_independent_deltas():
    assert mean_sem([0.3, 0.4], [0.5, 0.5]) == pytest.approx(0.25)
    assert mean_sem([0.3, None], [0.5, 0.5]) is None
    assert mean_sem([0.3, math.nan], [0.5, 0.5]) is None
    assert mean_sem([0.0, 0.0], [0.5, 0.5]) == 0.0
