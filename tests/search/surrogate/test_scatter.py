import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from smt.search.aggregate import Aggregate
from smt.search.encoding import Encoding
from smt.search.surrogate.scatter import (
    LEAST_COMPLETE,
    LEAST_SCATTER,
    PRIOR_SPREAD,
    fit_scatter,
)
from smt.search.surrogate.surrogate import fit_surrogate
from smt.search.trial import Trial
from smt.space import Float

LINE = Encoding({"x": Float(0.0, 1.0)})
SEM = 0.2


def trials_that_scatter(share, count=16, seed=0):
    """Four models' smooth deltas; their errors have this share of the variance that is stated."""
    rng = np.random.default_rng(seed)
    common = SEM * math.sqrt(1 - share) * rng.normal(size=4)
    return [
        Trial(
            {"x": float(x)},
            [
                float(math.sin(5 * x + phase) + error + SEM * math.sqrt(share) * rng.normal())
                for phase, error in zip((0, 0.3, 1, 2), common, strict=True)
            ],
            [SEM] * 4,
        )
        for x in np.linspace(0, 1, count)
    ]


def fitted(trials):
    return fit_surrogate(LINE, trials, alpha=0.05)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_errors_that_neighbours_have_in_common_are_told_from_those_that_scatter(share):
    estimates = [fitted(trials_that_scatter(share, seed=seed)).scatter / share for seed in range(5)]
    assert 0.5 < np.exp(np.mean(np.log(estimates))) < 2
    assert 0.25 < min(estimates) <= max(estimates) < 4


def test_noise_that_scatters_as_stated_is_all_taken_for_that():
    shares = [fitted(trials_that_scatter(1.0, seed=seed)).scatter for seed in range(5)]
    assert sorted(shares)[1] == 1.0
    assert min(shares) > 0.5


def test_the_surrogate_believes_what_neighbours_agree_on():
    trials = trials_that_scatter(0.05)
    _, spread = fitted(trials).predict(LINE.encode([{"x": 0.5}]))
    assert float(spread.max()) < 0.5 * SEM


def test_it_is_the_share_of_the_largest_density_literally():
    surrogate = fitted(trials_that_scatter(1.0, count=6))
    model = surrogate.rotated
    complete = torch.tensor([True, True, False, True, True, True])
    places = complete.nonzero().squeeze(1).numpy()

    def cost(share):
        with torch.no_grad():
            covariances = model.covar_module(model.train_inputs[0]).to_dense().numpy()
            means = model.mean_module(model.train_inputs[0]).numpy()
            noises = model.likelihood.noise.detach().numpy()
        density = sum(
            multivariate_normal.logpdf(
                values[places],
                mean[places],
                (kernel + share * np.diag(noise))[np.ix_(places, places)],
            )
            for values, mean, kernel, noise in zip(
                model.train_targets.numpy(), means, covariances, noises, strict=True
            )
        )
        return 0.5 * (math.log(share) / PRIOR_SPREAD) ** 2 - density

    share = fit_scatter(model, complete)
    assert LEAST_SCATTER < share < 1
    grid = np.geomspace(LEAST_SCATTER, 1.0, 60)
    assert cost(share) <= min(map(cost, grid)) + 1e-3


def test_few_complete_trials_or_unknown_errors_say_nothing_of_it():
    trials = trials_that_scatter(0.05)
    partial = [
        Trial(
            trial.theta,
            [*trial.deltas[:2], None, None],
            [SEM, SEM, None, None],
            Aggregate(0.0, 0.5, -math.inf),
        )
        for trial in trials[LEAST_COMPLETE - 1 :]
    ]
    assert fitted([*trials[: LEAST_COMPLETE - 1], *partial]).scatter == 1.0
    assert fitted([Trial(trial.theta, trial.deltas) for trial in trials]).scatter == 1.0
