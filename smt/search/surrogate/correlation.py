"""How models' deltas go together over trials, learned from incomplete and noisy trials.

Deltas of a trial are y = b + e + noise with e ~ N(0, Σ) over the m models and a noise of known
variance. Σ is fitted by expectation maximisation, drawn towards models that are alike, since a
search has fewer trials than models at first. Its eigenvectors turn the deltas into directions
that are independent of each other: a rotation by principal components (Probabilistic PCA, Tipping
and Bishop 1999, with missing entries).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 30
# How many trials' worth the prior of Σ counts.
PRIOR_TRIALS = 8.0
# Directions with less than this share of the variance are noise.
LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Correlation:
    """Independent directions of m models' deltas.

    Attributes:
        centre: `[m]` mean deltas, percent.
        directions: `[m, q]`: a unit of each direction, in percent of every model.
        means: `[n, q]` where the trials lie, in units of the directions.
        variances: `[n, q]` of those: large where few models were evaluated.
    """

    centre: Tensor
    directions: Tensor
    means: Tensor
    variances: Tensor


def fit_correlation(deltas: Tensor, variances: Tensor) -> Correlation:
    """Fit directions, and place the trials.

    Args:
        deltas: `[n, m]` percent; NaN where not evaluated.
        variances: `[n, m]` of their noise; positive where a delta is.

    Returns:
        At most m directions. What a trial says of a direction is the likelihood alone, without
        the prior N(0, 1): that is the surrogate's.
    """
    known = deltas.isfinite()
    values = torch.where(known, deltas, 0.0)
    centre = _column_means(values, known)
    prior = _alike(values - centre, variances, known)
    covariance = prior
    for _ in range(ITERATIONS):
        means, second = _expect(values - centre, variances, known, covariance)
        covariance = (PRIOR_TRIALS * prior + second) / (PRIOR_TRIALS + len(deltas))
        centre = _centre(values, variances, known, covariance)
    directions = _directions(covariance, _typical(variances, known))
    means, spread = _place(values - centre, variances, known, directions)
    return Correlation(centre, directions, means, spread)


def _column_means(values: Tensor, known: Tensor) -> Tensor:
    """Mean of each column, drawn towards the mean of all by one observation."""
    overall = values[known].mean() if known.any() else values.new_zeros(())
    return (values.sum(0) + overall) / (known.sum(0) + 1)


def _alike(centred: Tensor, variances: Tensor, known: Tensor) -> Tensor:
    """`[m, m]` prior of Σ: one variance, one correlation, by moments over what is known."""
    m = centred.shape[1]
    total = centred[known].square().mean()
    noise = variances[known].mean()
    variance = (total - noise).clamp_min(0.1 * total).clamp_min(1e-8)
    pairs = known.double().T @ known.double()
    products = torch.where(known, centred, 0.0)
    products = products.T @ products
    off = ~torch.eye(m, dtype=torch.bool)
    shared = products[off].sum() / pairs[off].sum().clamp_min(1) / variance if m > 1 else total * 0
    correlation = shared.clamp(0.0, 0.9)
    return variance * (correlation + (1 - correlation) * torch.eye(m, dtype=torch.double))


def _expect(
    centred: Tensor, variances: Tensor, known: Tensor, covariance: Tensor
) -> tuple[Tensor, Tensor]:
    """E-step: `[n, m]` posterior means of e ~ N(0, Σ), and the `[m, m]` sum of second moments."""
    mask, system = _observed(variances, known, covariance)
    cross = covariance * mask.unsqueeze(-2)
    gain = torch.linalg.solve(system, cross.mT).mT
    means = (gain @ torch.where(known, centred, 0.0).unsqueeze(-1)).squeeze(-1)
    return means, means.T @ means + (covariance - gain @ cross.mT).sum(0)


def _observed(variances: Tensor, known: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """`[n, m]` 1 where a delta is known, and `[n, m, m]` covariances of the known deltas.

    What is not known has infinite variance: its row and column of an inverse count as zero.
    """
    mask = known.double()
    seen = mask.unsqueeze(-1) * mask.unsqueeze(-2) * covariance
    return mask, seen + torch.diag_embed(torch.where(known, variances, 1.0))


def _centre(values: Tensor, variances: Tensor, known: Tensor, covariance: Tensor) -> Tensor:
    """`[m]` centre by generalised least squares, drawn to one value for all by one trial's worth.

    A mean of what is known would be too high for models that were left out where another one
    regressed; the covariance says how they would have fared.
    """
    mask, system = _observed(variances, known, covariance)
    inverse = torch.linalg.inv(system)
    precision = mask.unsqueeze(-1) * mask.unsqueeze(-2) * inverse
    weighted = (precision @ values.unsqueeze(-1)).squeeze(-1)
    ones = torch.ones(len(covariance), dtype=torch.double)
    overall = weighted.sum() / precision.sum().clamp_min(1e-12)
    prior = torch.linalg.inv(covariance + variances[known].mean() * torch.eye(len(ones)))
    system = precision.sum(0) + prior
    centre: Tensor = torch.linalg.solve(system, weighted.sum(0) + prior @ (overall * ones))
    return centre


def _typical(variances: Tensor, known: Tensor) -> Tensor:
    """`[m]` mean noise of each model; the mean of all where one was never evaluated."""
    counts = known.sum(0)
    means = torch.where(known, variances, 0.0).sum(0) / counts.clamp_min(1)
    return torch.where(counts > 0, means, variances[known].mean())


def _directions(covariance: Tensor, noise: Tensor) -> Tensor:
    """`[m, q]` D with Σ = D Dᵀ along which the noise, `[m]` variances, is independent too.

    Eigenvectors of Σ in units of the noise. Those of Σ itself would share a noisy model's
    errors out among directions, and those would no longer be independent: every model would
    seem to be measured as well as the average.
    """
    units = noise.sqrt()
    eigenvalues, vectors = torch.linalg.eigh(covariance / torch.outer(units, units))
    directions: Tensor = units.unsqueeze(1) * vectors * eigenvalues.clamp_min(0).sqrt()
    kept = directions.square().sum(0) > LEAST_SHARE * covariance.trace()
    return directions[:, kept]


def _place(
    centred: Tensor, variances: Tensor, known: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor]:
    """Where each trial lies along each direction by its deltas alone: `[n, q]` mean, variance."""
    weights = torch.where(known, 1 / torch.where(known, variances, 1.0), 0.0)
    precision = (directions.T * weights.unsqueeze(1)) @ directions
    q = directions.shape[1]
    covariance = torch.linalg.inv(precision + torch.eye(q, dtype=torch.double))
    told = (weights * torch.where(known, centred, 0.0)) @ directions
    means = (covariance @ told.unsqueeze(-1)).squeeze(-1)
    marginal = covariance.diagonal(dim1=-2, dim2=-1).clamp(max=1 - 1e-6)
    spread = 1 / (1 / marginal - 1)
    return means / marginal * spread, spread
