"""How much of the stated noise differs from one θ to the next.

A standard error tells how far a Δ would move with other rows. The same rows measure every θ, so
that θ near each other err alike: what scatters between them is a part of that noise alone, and
many of them that agree do not make their models' deltas surer. The data tell which part: where
neighbours agree better than their standard errors say, the rest is common to them.
"""

import math

import torch
from botorch.models import SingleTaskGP
from gpytorch.distributions import MultivariateNormal
from scipy.optimize import minimize_scalar
from torch import Tensor

# Deltas of fewer complete trials say too little of it.
LEAST_COMPLETE = 4
LEAST_SCATTER = 0.02
# Of log(scatter), around all of the noise: what few trials leave open is taken for that.
PRIOR_SPREAD = 0.5
JITTER = 1e-8


def fit_scatter(rotated: SingleTaskGP, complete: Tensor) -> float:
    """The share of the noise's variance, up to 1, under which deltas are likeliest.

    By the complete trials alone, given the kernel: of others the directions' noise is mostly of
    what was not measured.

    Args:
        rotated: Fitted to the directions under all of their noise.
        complete: `[n]`, which of its trials have all deltas.
    """
    if int(complete.sum()) < LEAST_COMPLETE:
        return 1.0
    covariance, noise, values = _of_complete(rotated, complete)

    def cost(logarithm: float) -> float:
        noisy = covariance + torch.diag_embed(noise * math.exp(logarithm))
        density = MultivariateNormal(torch.zeros_like(values), noisy).log_prob(values)
        return 0.5 * (logarithm / PRIOR_SPREAD) ** 2 - float(density.sum())

    best = minimize_scalar(cost, bounds=(math.log(LEAST_SCATTER), 0.0), method="bounded")
    return math.exp(best.x)


def _of_complete(rotated: SingleTaskGP, complete: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`[q, c, c]` covariance, `[q, c]` noise and deltas above their mean, a direction a row."""
    with torch.no_grad():
        points = rotated.train_inputs[0]
        covariance = rotated.covar_module(points).to_dense()
        values = rotated.train_targets - rotated.mean_module(points)
        noise = rotated.likelihood.noise
    places = complete.nonzero().squeeze(1)
    covariance = covariance[..., places, :][..., places]
    covariance = covariance + JITTER * torch.eye(len(places), dtype=covariance.dtype)
    return covariance, noise[..., places], values[..., places]
