"""The standard error of a sum over examples that come in clusters, few or many, of any sizes.

The squares of the clusters' own sums tell it, whatever goes on within a cluster (Liang and Zeger
1986). With few clusters they are too small, as the residuals know the mean, and 1.96 standard
errors are too few. Both are put right under a working model (Bell and McCaffrey 2002, Imbens and
Kolesár 2016): an example's residual varies as its loss does, those of one cluster correlate by ρ.
Where the model is wrong, many clusters still give the right error.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from smt.errors import InputError

Floats = NDArray[np.float64]
MISSING = 0
"""The id of examples without one: none of them is known to belong to another."""
COVERED = 0.975
"""The quantile at which the standard error holds the uncertainty of few clusters too."""


@dataclass(frozen=True)
class Clusters:
    """What is summed within each of G clusters.

    Attributes:
        residuals: `[G]` sums of the examples' residuals.
        sizes: `[G]` sums of their losses under the baseline.
        squares: `[G]` sums of these losses' squares.
        residual_squares: Of the examples, over all clusters.
    """

    residuals: Floats
    sizes: Floats
    squares: Floats
    residual_squares: float


def sum_within(residuals: Floats, losses: Floats, groups: NDArray[np.int64] | None) -> Clusters:
    """Sum over clusters: the examples of one id, and every example without an id by itself.

    Args:
        residuals: `[n]` of the examples.
        losses: `[n]` of the examples under the baseline, not negative. Those of 0, as of
            examples of weight 0, say nothing.
        groups: `[n]` ids, `MISSING` where there is none; None where there are none at all.

    Raises:
        InputError: All examples that say something are of one id.
    """
    if groups is None:
        members = np.arange(len(losses))
    else:
        if groups.shape != losses.shape:
            raise ValueError(f"not a group an example: {groups.shape} and {losses.shape}")
        members = np.unique(groups, return_inverse=True)[1].reshape(-1)
        alone = groups == MISSING
        members[alone] = len(members) + np.arange(int(alone.sum()))
    heard = np.unique(members[losses > 0], return_inverse=True)[1].reshape(-1)
    if len(heard) == 0 or heard.max() == 0:
        raise InputError("all examples are of one group; a standard error needs at least two")
    residuals, losses = residuals[losses > 0], losses[losses > 0]
    return Clusters(
        residuals=_sums(heard, residuals),
        sizes=_sums(heard, losses),
        squares=_sums(heard, losses**2),
        residual_squares=float(residuals @ residuals),
    )


def _sums(members: NDArray[np.int64], values: Floats) -> Floats:
    return np.bincount(members, weights=values).astype(np.float64)


def standard_error(clusters: Clusters) -> float:
    """Of the sum of the residuals, such that ±1.96 of it hold what 95% intervals should.

    √(G/(G-1)) of the plain error for equal clusters, times Student's quantile of G - 1 degrees of
    freedom over the normal one; 1 for many. The degrees (Satterthwaite's) are those of examples
    that do not correlate: variances that differ more make Student's test reject less, not more
    (Bakirov and Székely 2005).
    """
    shares = clusters.sizes / clusters.sizes.sum()
    factors = _unbiased(_working_variances(clusters), shares)
    estimate = float(factors @ clusters.residuals**2)
    degrees = _degrees_of_freedom(clusters.squares, shares)
    return float(np.sqrt(estimate) * stdtrit(degrees, COVERED) / ndtri(COVERED))


def _working_variances(clusters: Clusters) -> Floats:
    """`[G]` (1 - ρ) Σx² + ρ (Σx)², in units of an example's: ρ by moments, from 0 to 1."""
    pairs = clusters.sizes**2 - clusters.squares
    within = float(clusters.residuals @ clusters.residuals) - clusters.residual_squares
    scale = clusters.residual_squares / float(clusters.squares.sum())
    most = scale * float(pairs.sum())
    correlation = min(max(within / most, 0.0), 1.0) if most > 0 else 0.0
    return np.asarray(clusters.squares + correlation * pairs, dtype=np.float64)


def _expected(variances: Floats, shares: Floats) -> Floats:
    """`[G]` variances of residuals: each holds its share of all noise, and less of its own."""
    expected: Floats = variances * (1 - 2 * shares) + shares**2 * variances.sum()
    return expected


def _unbiased(variances: Floats, shares: Floats) -> Floats:
    """`[G]` f with which Σ f r² is the variance of the sum, where the variances are these."""
    factors: Floats = variances / _expected(variances, shares)
    return factors


def _degrees_of_freedom(variances: Floats, shares: Floats) -> float:
    """Of Σ f r², as a multiple of χ²: (Σ_g v_g)² / Σ_gh f_g f_h C_gh², in O(G).

    C are the residuals' covariances: off the diagonal V s_g s_h - v_g s_h - v_h s_g, which is
    b_g s_h + b_h s_g with b = V s / 2 - v.
    """
    total = variances.sum()
    factors = _unbiased(variances, shares)
    halves = total * shares / 2 - variances
    squares = 2 * (factors @ halves**2) * (factors @ shares**2)
    squares += 2 * (factors @ (halves * shares)) ** 2
    squares += factors**2 @ (_expected(variances, shares) ** 2 - (2 * halves * shares) ** 2)
    return float(total**2 / squares)
