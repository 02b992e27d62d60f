import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from smt.mmo.verdict.sample_size import required_examples
from smt.training import paired_delta


def losses(rng, n, change):
    """`[n]` contributions under a network, and under one better by `change` percent."""
    base = rng.gamma(2.0, size=n)
    return base, base * (1 - change / 100) * rng.normal(1.0, 0.1, n)


@pytest.mark.parametrize(("power", "level"), [(0.8, 0.05), (0.6, 0.05), (0.9, 0.1)])
def test_a_window_of_the_required_examples_tells_alpha_from_none(power, level):
    rng = np.random.default_rng(11)
    pilot = paired_delta(*losses(rng, 20_000, 0.0))[1]
    needed = required_examples(pilot, 20_000, alpha=1.0, power=power, level=level)
    assert 200 < needed < 2000

    def share_told(change):
        found = [paired_delta(*losses(rng, needed, change)) for _ in range(1500)]
        return np.mean([delta / sem > norm.isf(level) for delta, sem in found])

    assert share_told(1.0) == pytest.approx(power, abs=0.04)
    assert share_told(0.0) == pytest.approx(level, abs=0.025)


@given(st.floats(1e-3, 5), st.integers(1, 10**7), st.floats(0.01, 2))
def test_required_examples_grow_with_the_square_of_noise_over_alpha(sem, rows, alpha):
    found = required_examples(sem, rows, alpha=alpha)
    assert found - 1 <= rows * (sem * 2.486475 / alpha) ** 2 * (1 + 1e-5)
    assert found >= rows * (sem * 2.486474 / alpha) ** 2 * (1 - 1e-5)


def test_required_examples_are_whole_and_none_without_noise():
    found = [required_examples(sem, rows, alpha=0.05) for sem, rows in ((0.05, 1000), (0.01, 1000))]
    assert found == [6183, 248]
    assert required_examples(0.0, 5, alpha=0.05) == 0
    exact = 0.05 * math.sqrt(1000 / 6183)
    assert required_examples(exact, 6183, alpha=0.05) <= 6183
    assert required_examples(exact, 6183, alpha=0.05, power=0.9) > 6183
    assert required_examples(exact, 6183, alpha=0.05, level=0.01) > 6183
