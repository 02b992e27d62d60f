import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior

from smt.search.aggregate import Aggregate
from smt.search.encoding import Encoding
from smt.search.surrogate.kernel import PRIOR_DIRECTIONS, shared_prior
from smt.search.surrogate.surrogate import fit_surrogate
from smt.search.trial import Trial
from smt.template import Choice, Float, Int

ALPHA = 0.05
PLANE = Encoding({"x": Float(0.0, 1.0), "y": Float(0.01, 1.0, log=True)})
LINE = Encoding({"x": Float(0.0, 1.0)})
DISCRETE = Encoding({"depth": Int(1, 6), "kind": Choice(["a", 2, 0.5]), "x": Float(0.0, 1.0)})

CHOICES = Encoding(
    {
        "form": Choice(["p", "q", "r"]),
        "depth": Choice([1, 2, 3]),
        "gate": Choice([True, False]),
        "x": Float(0.0, 1.0),
    }
)


def on_plane(theta):
    """Six models of two kinds: one likes x = 0.7, the other a small y."""
    hill, slope = 1 - 4 * (theta["x"] - 0.7) ** 2, -0.5 * math.log10(theta["y"]) - 0.3
    return [hill, 0.8 * hill, hill + 0.2 * slope, slope, slope - 0.4, 0.5 * (hill - slope)]


def on_discrete(theta):
    kind = {"a": 0.8, 2: -0.4, 0.5: 0.1}[theta["kind"]]
    gain = 0.2 * theta["depth"] + math.sin(3 * theta["x"])
    return [gain + kind, gain - kind, 0.5 * gain]


def on_choices(theta):
    form = {"p": 0.6, "q": -0.2, "r": 0.1}[theta["form"]]
    depth = {1: -0.3, 2: 0.4, 3: 0.0}[theta["depth"]] * (1 if theta["gate"] else 0.5)
    gain = form + depth + math.sin(3 * theta["x"])
    return [gain, 0.7 * gain + 0.2 * theta["gate"], gain - 0.3 * theta["x"]]


def trial(theta, deltas, sem=None):
    sems = [None if delta is None or math.isnan(delta) else sem for delta in deltas]
    return Trial(theta, tuple(deltas), tuple(sems), Aggregate(math.nan, 0.5, -math.inf))


def observe(encoding, truth, count, sem, *, known=True, seed=0):
    rng = np.random.default_rng(seed)
    thetas = encoding.sobol(count, seed)
    clean = np.array([truth(theta) for theta in thetas])
    noisy = (clean + sem * rng.normal(size=clean.shape)).tolist()
    stated = sem if known else None
    return [trial(theta, deltas, stated) for theta, deltas in zip(thetas, noisy, strict=True)]


def fit(encoding, trials):
    return fit_surrogate(encoding, trials, alpha=ALPHA)


def judge(encoding, truth, trials, surrogate):
    """How the surrogate does on points that it has not seen."""
    thetas = encoding.sobol(128, 99)
    expected = np.array([truth(theta) for theta in thetas])
    mean, spread = (each.numpy() for each in surrogate.predict(encoding.encode(thetas)))
    seen = np.array([trial.deltas for trial in trials])
    return SimpleNamespace(
        error=np.sqrt(((mean - expected) ** 2).mean(0)),
        error_of_mean=np.sqrt(((seen.mean(0) - expected) ** 2).mean(0)),
        inside=(abs(mean - expected) < 1.96 * spread).mean(),
    )


def predict_line(surrogate, xs):
    return surrogate.predict(torch.tensor(xs, dtype=torch.double).reshape(-1, 1))


@pytest.fixture(scope="module")
def plane_trials():
    return observe(PLANE, on_plane, 18, 0.05)


@pytest.fixture(scope="module")
def plane(plane_trials):
    return fit(PLANE, plane_trials)


@pytest.fixture(scope="module")
def half_plane(plane_trials):
    """Nothing was tried beyond x = 0.5."""
    return fit(PLANE, [trial for trial in plane_trials if trial.theta["x"] < 0.5])


@pytest.fixture(scope="module")
def grid():
    return PLANE.encode(PLANE.sobol(8, 5))


def test_deltas_at_points_not_tried_are_predicted_within_their_intervals():
    inside = []
    for seed in range(5):
        trials = observe(PLANE, on_plane, 18, 0.05, seed=seed)
        found = judge(PLANE, on_plane, trials, fit(PLANE, trials))
        assert (found.error < 0.5 * found.error_of_mean).all()
        inside.append(found.inside)
    assert 0.85 <= np.mean(inside) <= 0.99
    assert min(inside) > 0.8


def test_few_trials_of_choices_leave_room_for_what_was_not_tried():
    runs = [observe(CHOICES, on_choices, 8, 0.05, seed=seed) for seed in range(8)]
    inside = [judge(CHOICES, on_choices, run, fit(CHOICES, run)).inside for run in runs]
    # BoTorch's MixedSingleTaskGP, which has no priors: 0.69.
    assert np.mean(inside) > 0.85


def predicted_literally(surrogate, observed, noise, points):
    """By one Gaussian over all models and trials, with what the surrogate has learned."""
    model, directions = surrogate.model, surrogate.correlation.directions
    kernel = model.covar_module
    with torch.no_grad():
        shared = kernel.base_kernel(torch.cat([surrogate.points, points])).to_dense().numpy()
        between = ((directions * kernel.outputscale) @ directions.T).numpy()
        centre = surrogate.deltas(model.mean_module.raw_constant).numpy()
    n, m = observed.shape
    seen = np.kron(shared[:n, :n], between) + np.diag(np.tile(noise, n))
    across = np.kron(shared[n:, :n], between)
    means = across @ np.linalg.solve(seen, (observed - centre).ravel())
    left = np.kron(shared[n:, n:], between) - across @ np.linalg.solve(seen, across.T)
    return centre + means.reshape(-1, m), np.sqrt(np.diag(left)).reshape(-1, m)


def test_complete_trials_are_learned_from_as_by_one_gaussian_over_all_models(grid):
    sems = np.array([0.02, 0.3, 0.05, 0.1, 0.04, 0.08])
    thetas = PLANE.sobol(16, 0)
    clean = np.array([on_plane(theta) for theta in thetas])
    observed = clean + sems * np.random.default_rng(0).normal(size=clean.shape)
    trials = [
        Trial(theta, tuple(deltas), tuple(sems.tolist()), Aggregate(math.nan, 0.5, -math.inf))
        for theta, deltas in zip(thetas, observed.tolist(), strict=True)
    ]
    surrogate = fit(PLANE, trials)
    mean, spread = predicted_literally(surrogate, observed, surrogate.scatter * sems**2, grid)
    found_mean, found_spread = surrogate.predict(grid)
    np.testing.assert_allclose(found_mean, mean, atol=1e-5)
    np.testing.assert_allclose(found_spread, spread, rtol=1e-3)


@pytest.mark.parametrize("directions", [1, 4, 40])
def test_the_shared_prior_counts_as_often_as_it_should(directions):
    prior = LogNormalPrior(1.2, 0.7)
    points = torch.tensor([0.1, 0.5, 1.0, 3.0, 20.0])
    wanted = min(directions, PRIOR_DIRECTIONS) * prior.log_prob(points)
    counted = directions * shared_prior(prior, directions).log_prob(points)
    difference = counted - wanted
    torch.testing.assert_close(difference, difference[:1].expand(5), rtol=0, atol=1e-4)


def test_directions_share_length_scales_where_noise_is_known(plane):
    kernel = plane.rotated.covar_module
    assert kernel.base_kernel.lengthscale.shape == (1, 2)
    assert kernel.outputscale.shape == (plane.correlation.directions.shape[1],)


def test_directions_have_length_scales_of_their_own_where_noise_is_learned():
    surrogate = fit(PLANE, observe(PLANE, on_plane, 12, 0.05, known=False))
    directions = surrogate.correlation.directions.shape[1]
    assert surrogate.model.covar_module.base_kernel.lengthscale.shape == (directions, 1, 2)


def test_every_model_of_every_point_has_a_mean_and_a_positive_spread(plane, grid):
    mean, spread = plane.predict(grid)
    assert mean.shape == spread.shape == (8, 6)
    assert mean.isfinite().all()
    assert (spread > 0).all()


def test_a_prediction_is_surer_where_something_was_tried(half_plane):
    points = PLANE.encode([{"x": x, "y": 0.1} for x in (0.25, 1.0)])
    _, spread = half_plane.predict(points)
    assert (spread[1] > 2 * spread[0]).all()


def test_a_fit_is_a_function_of_the_trials_alone(plane_trials, plane, grid):
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = fit(PLANE, plane_trials)
    for value, other in zip(again.predict(grid), plane.predict(grid), strict=True):
        assert torch.equal(value, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_have_the_predicted_moments(plane, grid):
    mean, spread = plane.predict(grid)
    drawn = plane.sample(grid, 20_000, seed=0)
    assert drawn.shape == (20_000, 8, 6)
    assert ((drawn.mean(0) - mean).abs() < 0.05 * spread).all()
    np.testing.assert_allclose(drawn.std(0), spread, rtol=0.05)


def test_draws_are_joint_over_the_points(plane):
    tried = plane.points[0]
    points = torch.stack([tried, tried + 1e-4, PLANE.encode([{"x": 0.0, "y": 1.0}])[0]])
    drawn = plane.sample_jointly(points, 4000, seed=0)[:, :, 0].T.numpy()
    near, far = np.corrcoef(drawn)[0, 1:]
    assert near > 0.99
    assert far < 0.9


def test_draws_are_a_function_of_the_seed_and_leave_the_generator_as_it_was(plane, grid):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = plane.sample(grid, 3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(8)
    assert torch.equal(plane.sample(grid, 3, seed=1), first)
    assert not torch.equal(plane.sample(grid, 3, seed=2), first)


def test_alike_models_are_drawn_together_and_others_are_less(half_plane):
    points = PLANE.encode([{"x": 1.0, "y": 0.1}])
    correlation = np.corrcoef(half_plane.sample(points, 4000, seed=0)[:, 0].T.numpy())
    assert min(correlation[0, 1], correlation[0, 2]) > 0.9
    assert correlation[3, 4] > 0.6
    assert max(correlation[0, 3], correlation[1, 4]) < 0.6


def test_large_standard_errors_make_a_smoother_surrogate():
    thetas = LINE.sobol(14, 0)
    rng = np.random.default_rng(0)
    deltas = [[theta["x"] + 0.4 * rng.normal() for _ in range(2)] for theta in thetas]
    misses, roughness = [], []
    for sem in (0.01, 0.4):
        surrogate = fit(
            LINE, [trial(theta, each, sem) for theta, each in zip(thetas, deltas, strict=True)]
        )
        mean, _ = surrogate.predict(surrogate.points)
        misses.append(float((mean - torch.tensor(deltas)).square().mean()))
        curve, _ = predict_line(surrogate, np.linspace(0, 1, 101))
        roughness.append(float(curve.diff(n=2, dim=0).square().mean()))
    assert misses[0] < 0.02 < 0.05 < misses[1]
    assert roughness[1] < 0.1 * roughness[0]


def test_a_precise_trial_counts_more_than_a_noisy_one():
    base = [trial({"x": x}, [0.0, 0.0], 0.05) for x in (0.0, 0.2, 0.8, 1.0)]
    means = [
        predict_line(fit(LINE, [*base, trial({"x": 0.5}, [1.0, 1.0], sem)]), [0.5])[0]
        for sem in (0.05, 1.0)
    ]
    assert (means[0] > 0.7).all()
    assert (means[1] < 0.5).all()


def twins(theta):
    wave = math.sin(6 * theta["x"])
    return [wave, wave, wave, wave]


def test_a_missing_model_is_predicted_from_those_it_goes_with():
    trials = observe(LINE, twins, 16, 0.02)
    barer = [
        trial(each.theta, [each.deltas[0], None, *each.deltas[2:]], 0.02)
        if 0.35 < each.theta["x"] < 0.75
        else each
        for each in trials
    ]
    alone = [
        trial(each.theta, [each.deltas[1]], 0.02) for each in barer if each.deltas[1] is not None
    ]
    assert 4 <= len(barer) - len(alone) <= 8
    xs = np.linspace(0.4, 0.7, 16)
    truth = np.sin(6 * xs)
    with_others, _ = predict_line(fit(LINE, barer), xs)
    by_itself, _ = predict_line(fit(LINE, alone), xs)
    errors = [
        np.sqrt(((mean - truth) ** 2).mean())
        for mean in (with_others[:, 1].numpy(), by_itself[:, 0].numpy(), np.zeros(16))
    ]
    assert errors[0] < 0.2 < errors[2]
    assert errors[0] < errors[1]


def test_a_missing_model_is_less_sure_than_those_seen():
    trials = [trial({"x": x}, [x, None if x > 0.4 else 1 - x], 0.02) for x in np.linspace(0, 1, 11)]
    _, spread = predict_line(fit(LINE, trials), [0.1, 0.8])
    assert spread[1, 1] > 1.5 * spread[1, 0]
    assert spread[1, 1] > 1.5 * spread[0, 1]


def test_where_a_model_fails_all_are_predicted_to_be_bad():
    trials = [
        trial({"x": x}, [math.nan if x > 0.6 else 0.5, 0.3, 0.4], 0.02)
        for x in np.linspace(0, 1, 11)
    ]
    mean, _ = predict_line(fit(LINE, trials), [0.2, 0.9])
    assert (mean[0] > 0.1).all()
    assert (mean[1] < -ALPHA).all()


def test_a_failure_is_worse_than_anything_seen():
    trials = [trial({"x": x}, [-2.0 if x < 0.5 else math.nan], 0.02) for x in np.linspace(0, 1, 9)]
    mean, _ = predict_line(fit(LINE, trials), [0.0, 1.0])
    assert mean[1, 0] < mean[0, 0] - ALPHA / 2


def test_trials_that_all_failed_can_be_fitted():
    trials = [trial({"x": x}, [math.nan, math.nan, None]) for x in np.linspace(0, 1, 6)]
    mean, spread = predict_line(fit(LINE, trials), [0.5])
    assert spread.isfinite().all()
    assert (mean[0, :2] < -ALPHA).all()


@pytest.fixture(scope="module")
def discrete_trials():
    return observe(DISCRETE, on_discrete, 24, 0.05)


def test_ints_and_choices_are_learned(discrete_trials):
    found = judge(DISCRETE, on_discrete, discrete_trials, fit(DISCRETE, discrete_trials))
    assert (found.error < 0.5 * found.error_of_mean).all()
    assert found.inside > 0.8


def test_a_space_of_choices_alone_is_learned():
    encoding = Encoding({"first": Choice(["a", "b", "c"]), "second": Choice([True, False])})
    worth = {"a": 0.9, "b": -0.5, "c": 0.1}
    trials = [
        trial(theta, [worth[theta["first"]] + 0.3 * theta["second"]] * 2, 0.02)
        for theta in encoding.sobol(16, 0)
    ]
    thetas = [{"first": first, "second": True} for first in "abc"]
    mean, _ = fit(encoding, trials).predict(encoding.encode(thetas))
    np.testing.assert_allclose(mean[:, 0], [1.2, -0.2, 0.4], atol=0.15)


def test_noise_is_learned_where_no_standard_error_is_known():
    trials = observe(PLANE, on_plane, 18, 0.05, known=False)
    found = judge(PLANE, on_plane, trials, fit(PLANE, trials))
    assert (found.error < 0.6 * found.error_of_mean).all()
    assert found.inside > 0.8


def test_ints_and_choices_are_learned_where_no_standard_error_is_known():
    trials = observe(DISCRETE, on_discrete, 24, 0.05, known=False)
    found = judge(DISCRETE, on_discrete, trials, fit(DISCRETE, trials))
    assert (found.error < 0.6 * found.error_of_mean).all()


def test_standard_errors_may_be_known_for_some_trials_only(plane_trials):
    trials = [
        trial(each.theta, each.deltas) if number % 3 == 0 else each
        for number, each in enumerate(plane_trials)
    ]
    found = judge(PLANE, on_plane, trials, fit(PLANE, trials))
    assert (found.error < 0.6 * found.error_of_mean).all()


@pytest.mark.parametrize("sem", [0.02, None])
@pytest.mark.parametrize("encoding", [LINE, DISCRETE], ids=["reals", "choices"])
def test_a_single_model_is_learned(encoding, sem):
    def truth(theta):
        return math.sin(3 * theta["x"])

    thetas = encoding.sobol(16, 0)
    surrogate = fit(encoding, [trial(theta, [truth(theta)], sem) for theta in thetas])
    tests = encoding.sobol(32, 9)
    mean, spread = surrogate.predict(encoding.encode(tests))
    assert mean.shape == spread.shape == (32, 1)
    expected = np.array([truth(theta) for theta in tests])
    assert np.sqrt(((mean[:, 0].numpy() - expected) ** 2).mean()) < 0.5 * expected.std()
    assert surrogate.sample(surrogate.points[:3], 5, seed=0).shape == (5, 3, 1)


def test_deltas_that_never_differ_are_predicted_everywhere():
    trials = [trial({"x": x}, [0.4, 0.4], 0.01) for x in np.linspace(0, 1, 8)]
    mean, _ = predict_line(fit(LINE, trials), [0.05, 0.55])
    np.testing.assert_allclose(mean, 0.4, atol=0.01)


def test_a_point_that_was_tried_twice_is_known_better():
    once = [trial({"x": x}, [x, 1 - x], 0.3) for x in np.linspace(0, 1, 7)]
    repeated = [*once, *[trial({"x": 0.5}, [0.5, 0.5], 0.3)] * 6]
    spreads = [float(predict_line(fit(LINE, each), [0.5])[1].mean()) for each in (once, repeated)]
    assert spreads[1] < spreads[0]


def test_what_is_not_active_makes_no_difference():
    encoding = Encoding({"gate": Choice([True, False]), "x": Float(0.0, 1.0, when={"gate": True})})
    trials = [
        trial({"gate": True, "x": x} if x < 1 else {"gate": False}, [math.sin(3 * x)], 0.02)
        for x in np.linspace(0, 1, 8)
    ]
    surrogate = fit(encoding, trials)
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.9], [0.0, 0.0], [0.0, 0.9]], dtype=torch.double)
    mean, spread = surrogate.predict(rows)
    assert torch.allclose(mean[0], mean[1])
    assert torch.allclose(spread[0], spread[1])
    assert abs(mean[0] - math.sin(3)) < 0.1
    assert abs(mean[2] - mean[3]) > 0.1


def test_no_step_of_the_fit_leaves_where_the_prior_has_a_density():
    model = fit(PLANE, observe(PLANE, on_plane, 12, 0.05)).model.train()
    with torch.no_grad():
        model.covar_module.raw_outputscale.fill_(-1e3)
    of_data = ExactMarginalLogLikelihood(model.likelihood, model)
    assert of_data(model(*model.train_inputs), model.train_targets).isfinite().all()
