"""What each model's own best θ is worth."""

import numpy as np
import pytest

from smt.mmo.sensitivity.own_choice import gain_of_own_choice
from smt.search.delta import Delta


def trial(deltas, sem):
    return [Delta.measured(float(delta), sem) for delta in deltas]


def test_without_noise_it_is_each_models_largest_delta_by_traffic():
    trials = [trial((0.3, -0.2, -0.4), 0.0), trial((-0.5, 0.1, -0.1), 0.0)]
    expected = 0.5 * 0.3 + 0.3 * 0.1 + 0.2 * 0.0
    assert gain_of_own_choice(trials, (0.5, 0.3, 0.2), 0.05) == pytest.approx(expected)


def test_it_is_0_without_trials():
    assert gain_of_own_choice([], (0.5, 0.5), 0.05) == 0.0


def test_noise_alone_gains_next_to_nothing():
    """The largest of eight noisy deltas is 1.4 standard errors above 0; little of it is left."""
    rng = np.random.default_rng(0)
    noise, literal, gains = 0.2, [], []
    for _ in range(20):
        deltas = noise * rng.normal(size=(8, 20))
        literal.append(deltas.max(axis=0).mean())
        gains.append(gain_of_own_choice([trial(row, noise) for row in deltas], [0.05] * 20, 0.05))
    assert np.mean(literal) > 1.3 * noise
    assert np.mean(gains) < 0.5 * noise


def test_where_models_truly_differ_it_is_what_they_gain():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(8, 40))
    measured = truth + 0.1 * rng.normal(size=truth.shape)
    trials = [trial(row, 0.1) for row in measured]
    expected = truth.max(axis=0).clip(0).mean()
    assert gain_of_own_choice(trials, [1 / 40] * 40, 0.05) == pytest.approx(expected, abs=0.05)
