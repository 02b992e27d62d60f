import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from smt.mmo.verdict.stopping import critical_value, promise, seeds_at_looks


def test_the_first_look_is_at_two_seeds_which_tell_their_noise():
    assert seeds_at_looks(1) == (1,)
    assert seeds_at_looks(2) == (2,)
    assert seeds_at_looks(5) == (2, 3, 4, 5)


@pytest.mark.parametrize("most", [1, 2])
def test_a_single_look_is_an_ordinary_test(most):
    assert critical_value(most, 0.05) == pytest.approx(ndtri(0.95))


@pytest.mark.parametrize("rows", [0.0, 1.0])
@pytest.mark.parametrize(("most", "level"), [(4, 0.05), (4, 0.05 / 3), (8, 0.05)])
def test_noise_crosses_the_boundary_at_some_look_as_rarely_as_stated(most, level, rows):
    random = np.random.default_rng(most)
    draws = 40_000
    seeds = random.normal(size=(draws, most))
    shared = rows * random.normal(size=(draws, 1))
    counts = np.array(seeds_at_looks(most))
    means = np.cumsum(seeds, axis=1)[:, counts - 1] / counts + shared
    crossed = (means > critical_value(most, level) * np.sqrt(rows**2 + 1 / counts)).any(1).mean()
    error = 3 * math.sqrt(level / draws)
    assert crossed < level + error
    if not rows:
        assert crossed > level - error


@given(st.floats(-1, 1), st.floats(0.001, 1), st.floats(0, 1), st.integers(2, 7), st.integers(0, 5))
def test_what_seeds_may_bring_shrinks_to_what_is_known(mean, sem, rows, seeds, more):
    hope = promise(mean, sem, rows * sem, seeds=seeds, most=seeds + more)
    assert hope.mean >= mean
    assert rows * sem <= hope.sem * (1 + 1e-9)
    assert hope.sem <= sem * (1 + 1e-9)
    if not more:
        assert hope == pytest.approx((mean, sem))


def test_what_all_seeds_say_is_rarely_better_than_promised():
    random = np.random.default_rng(0)
    seeds, most, rows = 2, 6, 0.5
    drawn = random.normal(size=(20_000, most))
    shared = rows * random.normal(size=20_000)
    so_far, at_the_end = drawn[:, :seeds].mean(1) + shared, drawn.mean(1) + shared
    sem = math.sqrt(rows**2 + 1 / seeds)
    hoped = np.array(
        [promise(mean, sem, rows, seeds=seeds, most=most).mean for mean in so_far.tolist()]
    )
    assert (at_the_end > hoped).mean() < 0.05
    assert promise(0.0, sem, rows, seeds=seeds, most=most).sem == pytest.approx(
        math.sqrt(rows**2 + 1 / most)
    )
