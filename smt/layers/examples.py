"""A batch as plain tensors: what networks compute on, and what exported programs take."""

from typing import NamedTuple

import torch
from torch import Tensor

from smt.data import Batch
from smt.layers.jagged import Jagged


class Examples(NamedTuple):
    """B examples.

    Attributes:
        numeric: `[B, N]` float32, NaN where missing.
        ids: `[n, B]` int64, one row a single-id feature.
        lists: Name -> `[L]` int64: lists of ids, and the events and times of sequences' steps.
        embeddings: feature -> `[B, D]` float32.
        timestamps: `[B]` int64 milliseconds, or None where nothing depends on time.
        labels: `[B, E]` float32 during training; None when predicting.
    """

    numeric: Tensor
    ids: Tensor
    lists: dict[str, Jagged]
    embeddings: dict[str, Tensor]
    timestamps: Tensor | None = None
    labels: Tensor | None = None

    @classmethod
    def of(cls, batch: Batch, *, training: bool) -> "Examples":
        """The same examples; values are not copied."""
        return cls(
            numeric=batch.numeric,
            ids=batch.ids.values().view(len(batch.ids.keys()), len(batch)),
            lists={
                name: Jagged(lists.values(), lists.offsets().to(torch.int64))
                for name, lists in batch.id_lists.items()
            },
            embeddings=batch.embeddings,
            timestamps=batch.timestamps,
            labels=batch.labels if training else None,
        )
