"""Standardisation by the values that are there."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

LARGEST = 4.0
"""Deviations from the mean beyond which a standardised value is held."""
ROUNDING = 1e-12
"""Of the mean: a deviation below it is what adding up a constant column leaves."""


class Moments(nn.Module):
    """Standardises N columns by the mean and deviation of all values seen in training mode.

    Batches are merged into running sums in float64 (Chan, Golub and LeVeque 1983, Updating
    Formulae and a Pairwise Algorithm for Computing Sample Variances, Eq. 2.1), so a shifted or
    scaled copy of a column has shifted or scaled moments, and no number of rows saturates
    them. Missing and infinite values are left out.

    In training mode values are standardised by the moments that include their own batch, not
    by the batch's alone: where most are missing, a batch has too few. Before any, values stay
    as they are.
    """

    rows: Tensor
    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        # From the rows of a batch to those that are counted: of all workers, with several.
        self.gather: Callable[[Tensor], Tensor] = own_rows
        self.register_buffer("rows", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("count", torch.zeros(num_features, dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(num_features, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(num_features, dtype=torch.float64))

    def forward(self, values: Tensor) -> Tensor:
        """`[B, N]`, NaN where missing -> mean 0 and deviation 1, within four; missing is 0.

        A column that has been constant in all rows so far, or missing, is 0. An infinite value
        becomes NaN: it is a fault of the log, not an outlier, and is to be found.
        """
        if self.training:
            self._count(self.gather(values.detach()))
        deviation = (self.squares / self.count.clamp(min=1)).sqrt()
        varies = deviation > ROUNDING * self.mean.abs()
        standard = (values.double() - self.mean) / deviation.where(varies, 1.0)
        says_something = varies | (self.rows == 0)
        held = standard.clamp(-LARGEST, LARGEST).masked_fill(~says_something, 0.0)
        known = held.masked_fill(values.isnan(), 0.0).masked_fill(values.isinf(), torch.nan)
        return known.to(values.dtype)

    @torch.no_grad()
    def _count(self, values: Tensor) -> None:
        there = values.isfinite()
        known = values.double().masked_fill(~there, 0.0)
        count = there.sum(dim=0)
        mean = known.sum(dim=0) / count.clamp(min=1)
        squares = (known - mean).masked_fill(~there, 0.0).square().sum(dim=0)
        self.rows += len(values)
        total = self.count + count
        share = count.double() / total.clamp(min=1)
        apart = mean - self.mean
        self.squares += squares + apart.square() * self.count * share
        self.mean += apart * share
        self.count.copy_(total)


def own_rows(rows: Tensor) -> Tensor:
    """Those of a single worker: all that there are."""
    return rows
