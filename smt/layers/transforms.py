"""Ids made of other features, inside the network."""

import torch
from torch import Tensor, nn

from smt.layers.hashing import mix
from smt.layers.numeric import quantiles


class CrossIds(nn.Module):
    """One id for an ordered pair of ids: a hash, so that no dictionary of pairs is kept."""

    def __init__(self, num_ids: int) -> None:
        super().__init__()
        self.num_ids = num_ids

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two `[B]` int64 -> `[B]` int64 in `[0, num_ids)`."""
        return mix(mix(first) + second).remainder(self.num_ids)


class BucketIds(nn.Module):
    """A number's bucket between given boundaries; a missing number has a bucket of its own.

    Bucket i holds `boundaries[i - 1] <= value < boundaries[i]`; the last is for NaN.
    """

    def __init__(self, boundaries: tuple[float, ...]) -> None:
        super().__init__()
        self.boundaries = boundaries
        self.num_ids = len(boundaries) + 2

    def forward(self, values: Tensor) -> Tensor:
        """`[B]` floats, NaN where missing -> `[B]` int64 in `[0, num_ids)`."""
        # A column of a matrix has gaps, at which torch warns on every user's terminal.
        values = values.contiguous()
        buckets = torch.bucketize(values, values.new_tensor(self.boundaries), right=True)
        return buckets.masked_fill(values.isnan(), self.num_ids - 1)


class QuantileBuckets(nn.Module):
    """Numbers in buckets that hold equally many of the values fitted.

    Bucket i of a feature holds `boundaries[i - 1] <= value < boundaries[i]`; one more
    bucket, the last, is for NaN.
    """

    boundaries: Tensor

    def __init__(self, num_features: int, buckets: int) -> None:
        """Make the layer; `fit` sets its boundaries, until then even ones within [0, 1].

        Args:
            buckets: Of each feature, without the one for missing values; at least 2.
        """
        super().__init__()
        self.num_ids = buckets + 1
        inner = torch.linspace(0, 1, buckets + 1)[1:-1]
        self.register_buffer("boundaries", inner.repeat(num_features, 1))

    def fit(self, values: Tensor) -> None:
        """Put the boundaries at the quantiles of `[n, N]` values, NaN where missing."""
        self.boundaries.copy_(quantiles(values, self.num_ids - 1)[:, 1:-1])

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, N]` int64 in `[0, num_ids)`."""
        columns = numeric.T.contiguous()
        buckets = torch.searchsorted(self.boundaries, columns, right=True).T
        return buckets.masked_fill(numeric.isnan(), self.num_ids - 1)
