"""Numeric features and ready-made embeddings as tokens."""

import torch
from torch import Tensor, nn


class NumericToken(nn.Module):
    """All N numeric features as one token: normalised, with a flag where missing, and an MLP.

    The mean and variance are those of the examples seen so far (one pass needs no momentum).
    """

    def __init__(self, num_features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(num_features, affine=False, momentum=None)
        self.project = nn.Sequential(
            nn.Linear(2 * num_features, hidden), nn.ReLU(), nn.Linear(hidden, dim), nn.ReLU()
        )

    def forward(self, numeric: Tensor) -> Tensor:
        """`[B, N]` values, NaN where missing -> `[B, 1, D]`."""
        missing = numeric.isnan()
        values = self.normalise(numeric.masked_fill(missing, 0.0))
        token: Tensor = self.project(torch.cat([values, missing.to(values.dtype)], dim=1))
        return token.unsqueeze(1)
