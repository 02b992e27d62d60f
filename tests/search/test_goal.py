import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.search.aggregate import aggregate
from smt.search.goal import Goal

epsilons = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1 / 3, 0.7, 1.0]) | st.floats(0.0, 1.0)


@given(st.integers(1, 60), epsilons)
@example(10, 0.3)
@example(10, 0.7)
@example(3, 0.1)
@example(50, 0.58)
def test_so_many_may_regress_as_the_aggregate_lets_pass(models, epsilon):
    allowed = Goal.over(models, epsilon=epsilon).allowed
    for count in range(models + 1):
        outcome = aggregate([-1.0] * count + [1.0] * (models - count), epsilon=epsilon)
        assert (count > allowed) == (outcome.regression_rate > epsilon)
        assert (count <= allowed) == outcome.feasible


@pytest.mark.parametrize(
    ("models", "epsilon", "allowed"),
    [(10, 0.1, 1), (10, 0.3, 3), (9, 0.1, 0), (5, 0.0, 0), (1, 0.99, 0), (4, 1.0, 4)],
)
def test_how_many_may_regress(models, epsilon, allowed):
    assert Goal.over(models, epsilon=epsilon).allowed == allowed


def test_weights_count_for_the_mean_and_not_for_how_many_may_regress():
    goal = Goal.over(3, [8.0, 1.0, 1.0], epsilon=1 / 3)
    assert goal.shares == pytest.approx((0.8, 0.1, 0.1))
    assert goal.allowed == Goal.over(3, epsilon=1 / 3).allowed == 1


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20).filter(any))
def test_shares_sum_to_one_in_the_weights_proportion(weights):
    shares = Goal.over(len(weights), weights).shares
    assert math.fsum(shares) == pytest.approx(1.0)
    largest = max(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert share * largest == pytest.approx(max(shares) * weight)


def test_models_count_alike_without_weights():
    assert Goal.over(4).shares == (0.25,) * 4


@pytest.mark.parametrize(
    ("models", "weights", "message"),
    [
        (0, None, "there are no models"),
        (2, [1.0], "1 weights are given for 2 models"),
        (2, [1.0, -1.0], "weight -1.0 is not"),
        (2, [1.0, math.nan], "weight nan is not"),
        (2, [0.0, 0.0], "all weights are zero"),
    ],
)
def test_weights_that_do_not_fit_are_refused(models, weights, message):
    with pytest.raises(InputError, match=message):
        Goal.over(models, weights)
