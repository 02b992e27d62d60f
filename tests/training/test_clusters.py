"""The standard error of few clusters against matrices, and by simulation of what it promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.errors import InputError
from smt.training import paired_delta
from smt.training.clusters import (
    _degrees_of_freedom,
    _expected,
    _unbiased,
    standard_error,
    sum_within,
)

POSITIVE = st.floats(0.01, 10.0)
SAMPLES = 1500


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=2, max_size=12))
def test_degrees_of_freedom_and_bias_are_those_of_the_residuals_covariance_matrix(clusters):
    variances, sizes = np.array(clusters).T
    shares = sizes / sizes.sum()
    keep = np.eye(len(shares)) - np.outer(shares, np.ones(len(shares)))
    covariance = keep @ np.diag(variances) @ keep.T
    factors = _unbiased(variances, shares)
    squares = (np.outer(factors, factors) * covariance**2).sum()
    np.testing.assert_allclose(_expected(variances, shares), covariance.diagonal(), rtol=1e-9)
    assert factors @ covariance.diagonal() == pytest.approx(variances.sum())
    found = _degrees_of_freedom(variances, shares)
    assert found == pytest.approx(variances.sum() ** 2 / squares)
    assert found > 1 - 1e-9


def test_equal_clusters_have_students_interval():
    residuals = np.random.default_rng(0).normal(size=10)
    found = standard_error(sum_within(residuals, np.ones(10), np.arange(10) + 1))
    # Quantiles of Student's t of 9 degrees of freedom and of the normal, from tables.
    expected = np.sqrt(10 / 9 * (residuals**2).sum()) * 2.262157 / 1.959964
    assert found == pytest.approx(expected, rel=1e-6)


def test_sums_are_those_of_a_loop_in_which_an_example_without_an_id_is_alone():
    generator = np.random.default_rng(1)
    groups = generator.integers(0, 6, 40)
    residuals, losses = generator.normal(size=40), generator.gamma(1.0, size=40)
    clusters = [groups == name for name in range(1, 6)]
    clusters += [np.arange(40) == row for row in np.flatnonzero(groups == 0)]
    found = sum_within(residuals, losses, groups)
    for sums, values in (
        (found.residuals, residuals),
        (found.sizes, losses),
        (found.squares, losses**2),
    ):
        expected = [values[members].sum() for members in clusters]
        np.testing.assert_allclose(np.sort(sums), np.sort(expected))


def test_one_cluster_is_refused_and_one_beside_an_example_without_an_id_is_not():
    with pytest.raises(InputError, match="all examples are of one group"):
        sum_within(np.ones(3), np.ones(3), np.array([4, 4, 4]))
    with pytest.raises(InputError, match="all examples are of one group"):
        sum_within(np.ones(3), np.array([1.0, 1.0, 0.0]), np.array([4, 4, 0]))
    assert len(sum_within(np.ones(3), np.ones(3), np.array([4, 4, 0])).sizes) == 2


def null_sample(generator, users, rows, anonymous, skewed):
    """Losses of two networks that are equally good; a user's differences correlate by 0.3."""
    names = np.arange(1, users + 1)
    chances = 1 / names if skewed else np.ones(users)
    user = generator.choice(names, rows, p=chances / chances.sum())
    alone = generator.random(rows) < anonymous
    shared = generator.normal(0, 0.3**0.5, users + 1)[user]
    shared[alone] = generator.normal(0, 0.3**0.5, alone.sum())
    base = generator.gamma(1.0, 0.6, rows)
    change = 1 + 0.05 * (shared + generator.normal(0, 0.7**0.5, rows))
    return base, base * change, np.where(alone, 0, user)


@pytest.mark.parametrize("anonymous", [0.0, 0.5, 0.9, 0.98])
@pytest.mark.parametrize(("users", "rows"), [(6, 200), (20, 400), (1500, 1500)])
def test_no_change_is_called_one_in_5_percent_of_samples(users, rows, anonymous):
    generator = np.random.default_rng(round(1000 * anonymous) + users)
    called = 0
    for _ in range(SAMPLES):
        delta, sem = paired_delta(*null_sample(generator, users, rows, anonymous, skewed=False))
        called += abs(delta) > 1.96 * sem
    # 4 to 6%, which so many samples tell with an error of 0.6%.
    assert 0.04 - 0.006 < called / SAMPLES < 0.06 + 0.006


@pytest.mark.parametrize("users", [20, 1500])
def test_users_of_very_different_sizes_do_not_make_changes_of_none(users):
    generator = np.random.default_rng(users)
    called = 0
    for _ in range(SAMPLES):
        delta, sem = paired_delta(*null_sample(generator, users, 600, 0.2, skewed=True))
        called += abs(delta) > 1.96 * sem
    assert 0.03 < called / SAMPLES < 0.07
