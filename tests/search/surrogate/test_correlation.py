import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.search.surrogate.correlation import _place, fit_correlation


def tensor(values):
    return torch.tensor(np.asarray(values), dtype=torch.double)


def noise_like(deltas, variance):
    return torch.full_like(deltas, variance)


def covariance_of(found):
    return found.directions @ found.directions.T


def rebuilt(found):
    """Deltas by the directions, each drawn towards zero as its N(0, 1) prior says."""
    return found.centre + found.means / (1 + found.variances) @ found.directions.T


def placed_literally(centred, variances, directions):
    """Each direction's likelihood with the others integrated out, trial by trial."""
    n, q = len(centred), directions.shape[1]
    means, spread = np.zeros((n, q)), np.zeros((n, q))
    for trial in range(n):
        known = np.isfinite(centred[trial])
        seen = directions[known]
        for j in range(q):
            others = np.delete(seen, j, axis=1)
            covariance = others @ others.T + np.diag(variances[trial][known])
            told = np.linalg.solve(covariance, seen[:, j])
            spread[trial, j] = 1 / (told @ seen[:, j])
            means[trial, j] = spread[trial, j] * (told @ centred[trial][known])
    return means, spread


def simulate(seed, n, covariance, noise=1e-4, centre=0.0):
    rng = np.random.default_rng(seed)
    clean = rng.multivariate_normal(np.zeros(len(covariance)), covariance, size=n) + centre
    return clean, tensor(clean + math.sqrt(noise) * rng.normal(size=clean.shape))


COVARIANCE = np.array(
    [[1.0, 0.8, 0.3, 0.0], [0.8, 1.5, 0.2, 0.1], [0.3, 0.2, 0.5, -0.2], [0.0, 0.1, -0.2, 0.7]]
)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 4))
def test_trials_are_placed_as_by_dense_gaussians(seed, m, q):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(m, q))
    centred, variances = rng.normal(size=(6, m)), rng.uniform(0.05, 2.0, size=(6, m))
    missing = rng.random((6, m)) < 0.3
    missing[np.arange(6), rng.integers(0, m, 6)] = False
    centred[missing] = np.nan
    found = _place(tensor(centred), tensor(variances), tensor(~missing).bool(), tensor(directions))
    expected = placed_literally(centred, variances, directions)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)


def test_a_fit_places_its_trials_as_by_dense_gaussians():
    _, deltas = simulate(0, 25, COVARIANCE, noise=0.2)
    rng = np.random.default_rng(0)
    deltas[tensor(rng.random(deltas.shape) < 0.2).bool()] = math.nan
    deltas[:, 0] = deltas[:, 0].nan_to_num(0.3)
    variances = tensor(rng.uniform(0.1, 0.4, deltas.shape))
    found = fit_correlation(deltas, variances)
    means, spread = placed_literally(
        (deltas - found.centre).numpy(), variances.numpy(), found.directions.numpy()
    )
    np.testing.assert_allclose(found.means, means, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.variances, spread, rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_complete_and_exact_deltas_are_rebuilt_by_the_directions(rank):
    rng = np.random.default_rng(rank)
    weights = rng.normal(size=(rank, 5))
    deltas = tensor(rng.normal(size=(30, rank)) @ weights + rng.normal(size=5))
    found = fit_correlation(deltas, noise_like(deltas, 1e-8))
    np.testing.assert_allclose(found.centre + found.means @ found.directions.T, deltas, atol=1e-3)
    assert (found.variances < 1e-4).all()


def test_many_trials_give_the_covariance_without_the_noise():
    clean, deltas = simulate(1, 3000, COVARIANCE, noise=0.5, centre=[1.0, 0.0, -1.0, 0.2])
    found = fit_correlation(deltas, noise_like(deltas, 0.5))
    np.testing.assert_allclose(covariance_of(found), COVARIANCE, atol=0.1)
    np.testing.assert_allclose(found.centre, clean.mean(0), atol=0.05)


def test_many_incomplete_trials_of_unequal_noise_give_the_covariance_as_well():
    clean, _ = simulate(2, 3000, COVARIANCE)
    rng = np.random.default_rng(2)
    variances = rng.uniform(0.05, 0.6, clean.shape)
    deltas = clean + np.sqrt(variances) * rng.normal(size=clean.shape)
    deltas[rng.random(clean.shape) < 0.3] = np.nan
    found = fit_correlation(tensor(deltas), tensor(variances))
    np.testing.assert_allclose(covariance_of(found), COVARIANCE, atol=0.12)


def test_few_trials_draw_the_covariance_towards_models_that_are_alike():
    _, deltas = simulate(3, 3, np.eye(6))
    covariance = covariance_of(fit_correlation(deltas, noise_like(deltas, 1e-4))).numpy()
    sample = np.cov(deltas.numpy().T, bias=True)
    assert np.linalg.matrix_rank(sample, tol=1e-6) < 6 == np.linalg.matrix_rank(covariance)
    assert np.diag(covariance).std() < np.diag(sample).std()
    off = ~np.eye(6, dtype=bool)
    assert covariance[off].std() < sample[off].std()


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_a_missing_model_makes_every_direction_less_certain(seed):
    rng = np.random.default_rng(seed)
    directions, row = tensor(rng.normal(size=(4, 3))), tensor(rng.normal(size=(1, 4)))
    variances = tensor(rng.uniform(0.05, 2.0, size=(1, 4)))
    spreads = []
    for count in (4, 3, 2, 1):
        known = torch.arange(4).unsqueeze(0) < count
        spreads.append(_place(row, variances, known, directions)[1])
    for fuller, barer in itertools.pairwise(spreads):
        assert (barer > fuller).all()


def test_incomplete_trials_of_a_fit_are_less_certain_than_complete_ones():
    _, deltas = simulate(4, 40, COVARIANCE, noise=0.1)
    deltas[:20, 1:3] = math.nan
    spread = fit_correlation(deltas, noise_like(deltas, 0.1)).variances
    assert (spread[:20].amin(0) > spread[20:].amax(0)).all()


def test_a_trial_without_any_delta_says_nothing():
    deltas, variances = tensor([[math.nan, math.nan]]), tensor([[0.1, 0.1]])
    directions = tensor([[1.0, 0.2], [0.8, -0.3]])
    means, spread = _place(deltas, variances, deltas.isfinite(), directions)
    assert (means == 0).all()
    assert (spread > 1e5).all()


def test_a_missing_model_that_goes_with_a_seen_one_is_recovered():
    rng = np.random.default_rng(5)
    shared, alone = rng.normal(size=(2, 200))
    clean = np.stack([shared, shared, alone], axis=1)
    deltas = tensor(clean + 0.1 * rng.normal(size=clean.shape))
    deltas[100:, 1:] = math.nan
    found = rebuilt(fit_correlation(deltas, noise_like(deltas, 0.01)))[100:].numpy()
    errors = np.sqrt(((found - clean[100:]) ** 2).mean(0)) / clean[100:].std(0)
    assert errors[1] < 0.2
    assert errors[2] > 0.9


def test_models_left_out_where_one_regressed_are_taken_for_as_bad_as_it():
    shared = np.random.default_rng(5).normal(size=200)
    deltas = tensor(np.stack([shared] * 3, axis=1))
    harmful = shared < 0
    deltas[harmful, 1] = math.nan
    found = rebuilt(fit_correlation(deltas, noise_like(deltas, 1e-4))).numpy()
    assert abs((found[harmful, 1] - shared[harmful]).mean()) < 0.2


@pytest.mark.parametrize("noise", [[0.1, 0.1, 0.1, 0.1], [0.02, 0.4, 0.1, 0.05]])
def test_complete_trials_say_of_each_direction_nothing_that_another_says(noise):
    rng = np.random.default_rng(6)
    clean, _ = simulate(6, 20, COVARIANCE)
    deltas = tensor(clean + np.sqrt(noise) * rng.normal(size=clean.shape))
    found = fit_correlation(deltas, tensor(noise).expand_as(deltas))
    directions = found.directions.numpy()
    precision = directions.T / noise @ directions
    sharpness = np.diag(precision)
    np.testing.assert_allclose(precision, np.diag(sharpness), atol=1e-10)
    projected = (deltas - found.centre).numpy() / noise @ directions / sharpness
    np.testing.assert_allclose(found.means, projected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.variances, np.tile(1 / sharpness, (20, 1)), rtol=1e-6)


def test_a_model_measured_far_better_than_the_others_leaves_them_their_directions():
    clean, _ = simulate(9, 400, COVARIANCE)
    noise = np.array([1e-3, 0.1, 0.1, 0.1]) ** 2
    deltas = tensor(clean + np.sqrt(noise) * np.random.default_rng(9).normal(size=clean.shape))
    found = fit_correlation(deltas, tensor(noise).expand_as(deltas))
    np.testing.assert_allclose(covariance_of(found), COVARIANCE, atol=0.25)


def test_directions_that_are_noise_are_left_out():
    rng = np.random.default_rng(7)
    deltas = tensor(rng.normal(size=(2000, 1)) * np.array([1.0, 2.0, -1.0, 0.5]))
    assert fit_correlation(deltas, noise_like(deltas, 1e-6)).directions.shape == (4, 1)


def test_what_is_said_of_the_noise_of_a_missing_model_does_not_matter():
    _, deltas = simulate(8, 12, COVARIANCE)
    deltas[::3, 2] = math.nan
    known = deltas.isfinite()
    first, second = (
        fit_correlation(deltas, torch.where(known, 0.1, other)) for other in (math.nan, 7.0)
    )
    for name in ("centre", "directions", "means", "variances"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_units_shifts_and_the_models_order_carry_through():
    _, deltas = simulate(9, 15, COVARIANCE)
    variances = tensor(np.random.default_rng(9).uniform(0.05, 0.3, deltas.shape))
    deltas[4, 1] = deltas[7, 0] = math.nan
    plain = fit_correlation(deltas, variances)
    order = [2, 0, 3, 1]
    other = fit_correlation(10 * deltas[:, order] + 5, 100 * variances[:, order])
    np.testing.assert_allclose(other.centre, 10 * plain.centre[order] + 5, atol=1e-6)
    np.testing.assert_allclose(
        covariance_of(other), 100 * covariance_of(plain)[order][:, order], rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        rebuilt(other), 10 * rebuilt(plain)[:, order] + 5, rtol=1e-6, atol=1e-6
    )


def test_a_model_that_is_never_evaluated_is_taken_for_one_like_the_others():
    _, deltas = simulate(10, 12, np.full((3, 3), 0.9) + 0.1 * np.eye(3), centre=2.0)
    deltas[:, 2] = math.nan
    found = fit_correlation(deltas, noise_like(deltas, 1e-4))
    assert found.centre[2] == pytest.approx(float(found.centre[:2].mean()), abs=0.7)
    guess = rebuilt(found)[:, 2]
    assert np.corrcoef(guess, deltas[:, :2].mean(1))[0, 1] > 0.95


def test_deltas_without_any_spread_are_their_own_centre():
    deltas = torch.full((8, 3), 0.4, dtype=torch.double)
    found = fit_correlation(deltas, noise_like(deltas, 1e-4))
    np.testing.assert_allclose(found.centre, 0.4, atol=1e-6)
    np.testing.assert_allclose(rebuilt(found), 0.4, atol=1e-3)
    assert (covariance_of(found).diagonal() < 1e-3).all()
