"""Numeric features as tokens."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

LARGEST = 4.0
"""Deviations from the mean beyond which a standardised value is held."""


class Standardise(nn.BatchNorm1d):
    """`[B, N]` values with mean 0 and variance 1, over the examples seen so far.

    An average of all batches, as one pass needs no momentum. A batch of one example has no
    variance: it is standardised as when predicting, and not counted.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, affine=False, momentum=None)

    def forward(self, values: Tensor) -> Tensor:
        """`[B, N]` -> `[B, N]`."""
        if self.training and len(values) == 1:
            return batch_norm(values, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(values)


class NumericToken(nn.Module):
    """All N numeric features as one token: standardised, a flag where missing, and an MLP.

    Standardised values are held to four deviations: the outliers of a heavy tail would be
    multiplied with every other token, and rare events predicted far too often.
    """

    def __init__(self, num_features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.normalise = Standardise(num_features)
        self.project = nn.Sequential(
            nn.Linear(2 * num_features, hidden), nn.ReLU(), nn.Linear(hidden, dim), nn.ReLU()
        )

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, 1, D]`."""
        missing = numeric.isnan()
        values = self.normalise(numeric.masked_fill(missing, 0.0))
        # An infinite value is a fault of the log, not an outlier: let it be found.
        values = values.clamp(-LARGEST, LARGEST).masked_fill(values.isinf(), float("nan"))
        token: Tensor = self.project(torch.cat([values, missing.to(values.dtype)], dim=1))
        return token.unsqueeze(1)


class PiecewiseLinearTokens(nn.Module):
    """Numeric features encoded bin by bin, then mixed linearly into tokens.

    Piecewise linear encoding (Gorishniy et al. 2022, arXiv:2203.05556, Eq. 1): 1 in each of
    T bins that a value is past, the fraction in the bin that it is in, 0 in those it has not
    reached. As in the paper the outer bins go on beyond the boundaries: below the first one
    the first number is negative, above the last one the last number exceeds 1. A bin of no
    width, which a repeated value makes, is a step. A missing value is zero in all bins and
    sets a flag.
    """

    boundaries: Tensor

    def __init__(self, num_features: int, *, bins: int, dim: int, tokens: int) -> None:
        """Make the layer; `fit` sets its boundaries, until then even ones within [0, 1].

        Args:
            bins: T, at least 2.
            tokens: How many tokens of width `dim` to make of all the features together.
        """
        super().__init__()
        self.dim = dim
        self.tokens = tokens
        self.register_buffer("boundaries", torch.linspace(0, 1, bins + 1).repeat(num_features, 1))
        self.project = nn.Linear(num_features * (bins + 1), tokens * dim)

    def fit(self, values: Tensor) -> None:
        """Put the boundaries at the quantiles of `[n, N]` values, NaN where missing."""
        self.boundaries.copy_(quantiles(values, self.boundaries.shape[1] - 1))

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, tokens, D]`."""
        flags = numeric.isnan().to(numeric.dtype).unsqueeze(2)
        features = torch.cat([self.encode(numeric), flags], dim=2).flatten(1)
        mixed: Tensor = self.project(features)
        return mixed.view(-1, self.tokens, self.dim)

    def encode(self, numeric: Tensor) -> Tensor:
        """`[B, N, T]`: Eq. 1."""
        missing = numeric.isnan().unsqueeze(2)
        values = numeric.unsqueeze(2)
        lower, upper = self.boundaries[:, :-1], self.boundaries[:, 1:]
        width = upper - lower
        step = (values >= upper).to(values.dtype)
        ratio = torch.where(width > 0, (values - lower) / width.where(width > 0, 1.0), step)
        first, last = ratio[..., :1].clamp(max=1.0), ratio[..., -1:].clamp(min=0.0)
        bins = torch.cat([first, ratio[..., 1:-1].clamp(0.0, 1.0), last], dim=2)
        return bins.masked_fill(missing, 0.0)


def quantiles(values: Tensor, parts: int) -> Tensor:
    """`[N, parts + 1]`: what cuts each column of `[n, N]` values into equally many, in order.

    Values that are not finite are left out; a column without finite values gets zeros.
    """
    # Not torch's quantile: it refuses more than 16 million values.
    levels = np.linspace(0.0, 1.0, parts + 1)
    cuts = np.zeros((values.shape[1], parts + 1))
    for row, column in zip(cuts, values.detach().cpu().double().numpy().T, strict=True):
        finite = column[np.isfinite(column)]
        if finite.size:
            row[:] = np.quantile(finite, levels)
    return torch.from_numpy(cuts)
