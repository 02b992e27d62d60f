"""The mean Δ of a fleet, and its 95% interval.

Models of one log are judged by the same users, so their errors correlate. What each bucket of users
adds to a model's Δ (`smt.training.shared_noise`) tells how much: of models i and j with standard
errors s the covariance is s_i s_j ρ_ij, with ρ_ij the correlation of what buckets add. Errors on
different logs are independent. Models further apart than these errors explain differ by seeds, or
truly: that scatter (by moments, DerSimonian and Laird 1986) is an error of the mean too, as another
seed would have come to other deltas.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from smt.search.aggregate import normalise_weights

Floats = NDArray[np.float64]
QUANTILE = 0.975


@dataclass(frozen=True)
class ModelDelta:
    """Δ of a model, and what is known of its error.

    Attributes:
        value, sem: Percent; the standard error is None where unknown.
        log: Models of different logs have independent errors.
        bucket_shares: What buckets of users add; models without have independent errors.
    """

    value: float
    sem: float | None
    log: str
    bucket_shares: Sequence[float] = ()


@dataclass(frozen=True)
class FleetMean:
    """Mean Δ, its standard error, and its two-sided 95% interval, percent.

    They are None where the standard error of a model is.
    """

    mean: float
    sem: float | None
    interval: tuple[float, float] | None


def fleet_mean(deltas: Sequence[ModelDelta], weights: Sequence[float] | None = None) -> FleetMean:
    """The mean of models' deltas by weight, and how well it is known.

    Args:
        weights: Of the models, on any scale; equal where None.

    Raises:
        InputError: Weights are negative or all zero, or there is no model.
    """
    shares = np.array(normalise_weights(weights, len(deltas)))
    values = np.array([delta.value for delta in deltas])
    mean = float(shares @ values)
    known = [delta.sem for delta in deltas if delta.sem is not None]
    if len(known) < len(deltas):
        return FleetMean(mean, None, None)
    sems = np.array(known)
    of_rows = _variance_of_rows(deltas, shares, sems)
    squares = float(shares @ shares)
    scatter = float(shares @ (values - mean) ** 2)
    explained = float(shares @ sems**2) - of_rows
    between = max(scatter - explained, 0.0) / (1 - squares) if squares < 1 else 0.0
    of_models = between * squares
    sem = math.sqrt(of_rows + of_models)
    # Of the scatter between few models little is known (Satterthwaite 1946).
    unsure = of_models / sem**2 if sem else 0.0
    degrees = (1 / squares - 1) / unsure**2 if unsure else math.inf
    half = float(stdtrit(degrees, QUANTILE)) * sem
    return FleetMean(mean, sem, (mean - half, mean + half))


def _variance_of_rows(deltas: Sequence[ModelDelta], shares: Floats, sems: Floats) -> float:
    """Of the mean, by what rows and users leave open."""
    logs: dict[str, Floats] = {}
    alone = 0.0
    for delta, share, sem in zip(deltas, shares, sems, strict=True):
        added = np.array(delta.bucket_shares)
        size = math.sqrt(float(added @ added))
        if size == 0:
            alone += float(share * sem) ** 2
        else:
            # As large as the standard error, which knows of few users, and of users in buckets.
            whole = added * (share * sem / size)
            logs[delta.log] = logs.get(delta.log, 0.0) + whole
    return alone + math.fsum(float(summed @ summed) for summed in logs.values())
