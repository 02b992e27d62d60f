"""Requests that no log holds but a caller may send: unknown ids, missing and extreme values."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torchrec import KeyedJaggedTensor

from smt.data import Batch
from smt.data.id_ranges import id_bounds
from smt.layers.networks import Network
from smt.serving.requests import random_requests

CHANGED = 0.3
"""Share of the values that are no log's."""

_INT64 = torch.iinfo(torch.int64)
_FLOAT32 = torch.finfo(torch.float32)
ELEMENTS = (
    *(float("nan"), float("inf"), -float("inf"), 0.0, -0.0),
    *(_FLOAT32.tiny, -_FLOAT32.tiny / 2**23),
)
"""Of embeddings: of the largest numbers every example would overflow."""
NUMBERS = (*ELEMENTS, 1e20, -1e20, _FLOAT32.max, -_FLOAT32.max)
TIMES = (0, -1, 1, 2**53, _INT64.max, _INT64.min)


def extreme_requests(
    network: Network, size: int, *, steps: int, generator: torch.Generator
) -> Batch:
    """`size` examples like `random_requests`, with values that no log holds among the others.

    Ids and codes of events are below zero, at and above their number; numbers missing, infinite,
    as large and as small as they get; times of any age, and to come.

    Args:
        steps: That the template reads; here a sequence is up to twice as long.
    """
    batch = random_requests(network, size, steps=2 * steps, generator=generator)
    limits = id_bounds(network.schema)
    keys = batch.ids.keys()
    rows = batch.ids.values().view(len(keys), size)
    single = [
        _changed(row, _strangers(limits[key]), generator)
        for key, row in zip(keys, rows, strict=True)
    ]
    lists = {
        name: _changed(
            kjt.values(), _strangers(limits[name]) if name in limits else TIMES, generator
        )
        for name, kjt in batch.id_lists.items()
    }
    times = batch.timestamps
    return replace(
        batch,
        numeric=_changed(batch.numeric, NUMBERS, generator),
        ids=_with_values(batch.ids, torch.cat([batch.ids.values()[:0], *single])),
        id_lists={name: _with_values(batch.id_lists[name], ids) for name, ids in lists.items()},
        embeddings={
            name: _changed(vectors, ELEMENTS, generator)
            for name, vectors in batch.embeddings.items()
        },
        timestamps=None if times is None else _changed(times, TIMES, generator),
    )


def _strangers(num_ids: int) -> tuple[int, ...]:
    return (-1, num_ids, num_ids + 1, 2 * num_ids, 10**6 + num_ids, _INT64.max, _INT64.min)


def _changed(values: Tensor, others: Sequence[float], generator: torch.Generator) -> Tensor:
    """The values with some of the others in their place."""
    chosen = torch.randint(len(others), values.shape, generator=generator)
    changed = torch.rand(values.shape, generator=generator) < CHANGED
    return torch.where(changed, torch.tensor(others, dtype=values.dtype)[chosen], values)


def _with_values(lists: KeyedJaggedTensor, values: Tensor) -> KeyedJaggedTensor:
    return KeyedJaggedTensor(keys=lists.keys(), values=values, lengths=lists.lengths())
