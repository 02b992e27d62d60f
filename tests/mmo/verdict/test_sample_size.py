import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from smt.errors import InputError
from smt.mmo.verdict.sample_size import required_examples, short_windows
from smt.training import paired_delta


def losses(rng, n, change):
    """`[n]` contributions under a network, and under one better by `change` percent."""
    base = rng.gamma(2.0, size=n)
    return base, base * (1 - change / 100) * rng.normal(1.0, 0.1, n)


@pytest.mark.parametrize(("power", "level"), [(0.8, 0.05), (0.6, 0.05), (0.9, 0.1)])
def test_a_window_of_the_required_examples_tells_alpha_from_none(power, level):
    rng = np.random.default_rng(11)
    pilot = paired_delta(*losses(rng, 20_000, 0.0))[1]
    needed = required_examples({"a": (pilot, 20_000)}, alpha=1.0, power=power, level=level)["a"]
    assert 200 < needed < 2000

    def share_told(change):
        found = [paired_delta(*losses(rng, needed, change)) for _ in range(1500)]
        return np.mean([delta / sem > norm.isf(level) for delta, sem in found])

    assert share_told(1.0) == pytest.approx(power, abs=0.04)
    assert share_told(0.0) == pytest.approx(level, abs=0.025)


@given(st.floats(1e-3, 5), st.integers(1, 10**7), st.floats(0.01, 2))
def test_required_examples_grow_with_the_square_of_noise_over_alpha(sem, rows, alpha):
    found = required_examples({"a": (sem, rows)}, alpha=alpha)["a"]
    assert found - 1 <= rows * (sem * 2.486475 / alpha) ** 2 * (1 + 1e-5)
    assert found >= rows * (sem * 2.486474 / alpha) ** 2 * (1 - 1e-5)


def test_short_windows_name_the_models_that_need_more_and_how_many():
    measured = {"short": (0.05, 1000), "long": (0.01, 1000), "same": (0.0, 5)}
    found = required_examples(measured)
    assert list(found) == ["short", "long", "same"]
    assert found == {"short": 6183, "long": 248, "same": 0}
    assert short_windows(measured) == {"short": 6183}
    assert short_windows(measured, alpha=0.001) == required_examples(
        {name: measured[name] for name in ("short", "long")}, alpha=0.001
    )
    exact = {"short": (0.05 * math.sqrt(1000 / 6183), 6183)}
    assert short_windows(exact) == {}
    assert short_windows(exact, power=0.9) == required_examples(exact, power=0.9)
    assert short_windows(exact, level=0.01) == required_examples(exact, level=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: required_examples({"a": (0.1, 10)}, alpha=0.0), r"alpha 0\.0 is not above 0"),
        (lambda: required_examples({"a": (0.1, 10)}, power=1.0), "must hold 0 < level < power"),
        (lambda: required_examples({"a": (0.1, 10)}, power=0.01), "must hold 0 < level < power"),
        (lambda: required_examples({"a": (math.nan, 10)}), "model 'a': sem nan is not"),
        (lambda: short_windows({"a": (0.1, 0)}), "model 'a': 0 test rows"),
    ],
)
def test_what_no_window_can_tell_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
