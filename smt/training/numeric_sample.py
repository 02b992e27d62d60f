"""The values that set the bins of numeric features."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from smt.data import Batch

LEAST_VALUES = 1_000
"""Of a feature: where the first rows have fewer, later rows are looked through for more."""


def first_values(batches: Iterator[Batch]) -> Batch:
    """The first batch, and what else it takes for every numeric feature to have enough values.

    A feature that is logged from some day on, or seldom, takes its values from wherever it has
    some. Of the rows added, the values of features that had enough are left out. A feature
    without values reads all batches.
    """
    batch = next(batches)
    parts = [batch.numeric]
    counts = batch.numeric.isfinite().sum(dim=0)
    while (counts < LEAST_VALUES).any():
        following = next(batches, None)
        if following is None:
            break
        wanted = counts < LEAST_VALUES
        there = following.numeric.isfinite() & wanted
        rows = there.any(dim=1)
        parts.append(following.numeric.masked_fill(~wanted, torch.nan)[rows])
        counts = counts + there.sum(dim=0)
    return batch if len(parts) == 1 else _with_numeric(batch, torch.cat(parts))


def _with_numeric(batch: Batch, numeric: Tensor) -> Batch:
    size = len(numeric)
    labels = batch.labels.new_zeros(size, batch.labels.shape[1])
    return replace(batch, numeric=numeric, labels=labels, weights=batch.weights.new_ones(size))
