"""Numeric features as tokens."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from smt.layers.mlp import MLP
from smt.layers.moments import LARGEST, Moments


class Standardise(nn.BatchNorm1d):
    """`[B, N]` values with mean 0 and variance 1, over the examples seen so far.

    An average of all batches, as one pass needs no momentum. A batch of one example has no
    variance: it is standardised as when predicting, and not counted. It knows of no missing
    values; `Moments` does, and stands in its place in newer versions.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, affine=False, momentum=None)

    def forward(self, values: Tensor) -> Tensor:
        """`[B, N]` -> `[B, N]`."""
        if self.training and len(values) == 1:
            return batch_norm(values, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(values)


class NormalisedToken(nn.Module):
    """What older versions have for a `StandardisedToken`: a missing value counts as a value of 0.

    Standardised values are held as there.
    """

    def __init__(self, num_features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.normalise = Standardise(num_features)
        self.project = MLP(2 * num_features, (hidden, dim))

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, 1, D]`."""
        missing = numeric.isnan()
        values = self.normalise(numeric.masked_fill(missing, 0.0))
        # An infinite value is a fault of the log, not an outlier: let it be found.
        values = values.clamp(-LARGEST, LARGEST).masked_fill(values.isinf(), float("nan"))
        token: Tensor = self.project(torch.cat([values, missing.to(values.dtype)], dim=1))
        return token.unsqueeze(1)


class StandardisedToken(nn.Module):
    """All N numeric features as one token: standardised, a flag where missing, and an MLP.

    A missing value is the mean. Standardised values are held to four deviations: the outliers
    of a heavy tail would be multiplied with every other token, and rare events predicted far
    too often.
    """

    def __init__(self, num_features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.moments = Moments(num_features)
        self.project = MLP(2 * num_features, (hidden, dim))

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, 1, D]`."""
        missing = numeric.isnan().to(numeric.dtype)
        token: Tensor = self.project(torch.cat([self.moments(numeric), missing], dim=1))
        return token.unsqueeze(1)


class PiecewiseLinearTokens(nn.Module):
    """Numeric features encoded bin by bin, then mixed linearly into tokens.

    Piecewise linear encoding (Gorishniy et al. 2022, arXiv:2203.05556, Eq. 1): 1 in each of
    T bins that a value is past, the fraction in the bin that it is in, 0 in those it has not
    reached. A bin of no width, which a repeated value makes, is a step. A missing value is zero
    in all bins and sets a flag.

    As in the paper the outer bins go on beyond the boundaries: below the first one the first
    number is negative, above the last one the last number exceeds 1. In the paper that has no
    end, and a narrow outer bin makes an outlier as large as one likes. `held`, it goes on in
    steps of a bin's even width where the bin is narrower, for four times the range of the
    boundaries, and is computed in float64.
    """

    boundaries: Tensor

    def __init__(
        self, num_features: int, *, bins: int, dim: int, tokens: int, held: bool = False
    ) -> None:
        """Make the layer; `fit` sets its boundaries, until then even ones within [0, 1].

        Args:
            bins: T, at least 2.
            tokens: How many tokens of width `dim` to make of all the features together.
            held: False in older versions.
        """
        super().__init__()
        self.dim = dim
        self.tokens = tokens
        self.held = held
        even = torch.linspace(0, 1, bins + 1, dtype=torch.float64 if held else torch.float32)
        self.register_buffer("boundaries", even.repeat(num_features, 1))
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
        values = numeric.to(self.boundaries.dtype).unsqueeze(2)
        lower, upper = self.boundaries[:, :-1], self.boundaries[:, 1:]
        width = upper - lower
        step = (values >= upper).to(values.dtype)
        ratio = torch.where(width > 0, (values - lower) / width.where(width > 0, 1.0), step)
        bins = self._held(values, ratio, width) if self.held else _endless(ratio)
        return bins.masked_fill(numeric.isnan().unsqueeze(2), 0.0).to(numeric.dtype)

    def _held(self, values: Tensor, ratio: Tensor, width: Tensor) -> Tensor:
        first, last = self.boundaries[:, :1], self.boundaries[:, -1:]
        reach = LARGEST * (last - first)
        steps = torch.maximum(width, (last - first) / width.shape[1])
        steps = steps.where(steps > 0, 1.0)
        below = torch.minimum(torch.maximum(values - first, -reach), torch.zeros_like(reach))
        above = torch.maximum(torch.minimum(values - last, reach), torch.zeros_like(reach))
        inside = ratio.clamp(0.0, 1.0)
        beyond = torch.zeros_like(inside)
        beyond[..., :1] += below / steps[:, :1]
        beyond[..., -1:] += above / steps[:, -1:]
        # An infinite value is a fault of the log, not an outlier: let it be found.
        return (inside + beyond).masked_fill(values.isinf(), torch.nan)


def _endless(ratio: Tensor) -> Tensor:
    first, last = ratio[..., :1].clamp(max=1.0), ratio[..., -1:].clamp(min=0.0)
    return torch.cat([first, ratio[..., 1:-1].clamp(0.0, 1.0), last], dim=2)


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
