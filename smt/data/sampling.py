"""Which training rows are kept, and how much each counts."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smt.data.time_order import mix

DAY_MS = 86_400_000


def keep_mask(
    positive: NDArray[np.bool_], rows: NDArray[np.int64], rate: float, seed: int
) -> NDArray[np.bool_]:
    """Keep all positives and a share `rate` of the negatives.

    A row's fate depends on its number and the seed only, and rows kept at one rate are kept
    at every larger one.

    Args:
        positive: `[n]`, whether any of a model's events happened.
        rows: `[n]` numbers of the rows.
        rate: In (0, 1].

    Returns:
        `[n]`.
    """
    draws = _uniform(rows, seed)
    return np.asarray(positive | (draws < rate))


def recalibration(rate: float) -> float:
    """What undoes leaving negatives out, added to the logits of the one event that decided it.

    He et al., ADKDD 2014, Eq. 4: q = p / (p + (1 - p) / rate). As log-odds, log(p) - log(1 - p)
    plus log(rate).
    """
    return math.log(rate)


def negative_weights(positive: Tensor, rate: float) -> Tensor:
    """`[B]` weights by which the kept negatives stand for all: 1 / rate, positives 1.

    With them there is nothing to recalibrate, whatever the number of events.
    """
    return torch.where(positive, 1.0, 1.0 / rate)


def recency_weights(timestamps: Tensor, newest_ms: int, half_life_days: float) -> Tensor:
    """`[B]` weights that halve with every half-life of a row's age at `newest_ms`."""
    ages = (newest_ms - timestamps).double() / (half_life_days * DAY_MS)
    return torch.exp2(-ages).float()


def group_weights(counts: NDArray[np.int64], power: float) -> NDArray[np.float32]:
    """Weights that let small groups count more: share^-power, with mean 1 over the rows.

    Args:
        counts: `[num_groups]` rows of each group.
        power: 0 leaves rows equal; 1 makes groups equal.

    Returns:
        `[num_groups]`. Groups without rows have 1.
    """
    there, rows = counts > 0, counts.sum()
    weights = np.ones(len(counts))
    weights[there] = (counts[there] / rows) ** -power
    weights[there] /= (counts[there] * weights[there]).sum() / rows
    return weights.astype(np.float32)


def _uniform(rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each row: 53 bits of splitmix64 (Steele, Lea and Flood 2014)."""
    keys = np.uint64(seed % 2**64) ^ np.uint64(0x9E3779B97F4A7C15)
    mixed = mix(rows.astype(np.uint64) + mix(np.asarray([keys])))
    return (mixed >> np.uint64(11)) / 2**53
