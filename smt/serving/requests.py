"""Requests that a network could get: random, but valid."""

import torch
from torch import Tensor
from torchrec import KeyedJaggedTensor

from smt.data import Batch
from smt.data.columns import ID_LIST_KINDS, SINGLE_ID_KINDS, Embedding, Numeric, Sequence
from smt.layers.jagged import positions_of
from smt.layers.networks import Network

LONGEST_LIST = 8
"""Ids of the longest random list; a sequence is as long as the template reads."""

_HOUR_MS = 3_600_000
_NOW_MS = 1_700_000_000_000


def random_requests(
    network: Network, size: int, *, steps: int, generator: torch.Generator
) -> Batch:
    """`size` examples with values of every feature that the network reads.

    Args:
        steps: Of the longest sequence. Lengths are uniform, empty lists included.
    """
    columns = {name: network.schema.columns[name] for name in network.features}
    timestamps = torch.full((size,), _NOW_MS)
    numeric = [name for name, column in columns.items() if isinstance(column, Numeric)]
    ids = {name: col.num_ids for name, col in columns.items() if isinstance(col, SINGLE_ID_KINDS)}
    lists: dict[str, KeyedJaggedTensor] = {}
    for name, column in columns.items():
        if not isinstance(column, ID_LIST_KINDS):
            continue
        longest = steps if isinstance(column, Sequence) else LONGEST_LIST
        lengths = torch.randint(longest + 1, (size,), generator=generator)
        total = int(lengths.sum())
        lists[name] = _lists(name, _integers(column.num_ids, total, generator), lengths)
        if not isinstance(column, Sequence) or not network.reads_steps:
            continue
        if column.events is not None:
            assert column.num_events is not None
            kinds = _integers(column.num_events, total, generator)
            lists[column.events] = _lists(column.events, kinds, lengths)
        if column.timestamps is not None:
            # The most recent step comes first.
            places = positions_of(torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]), total)
            ages = (places + 1) * _HOUR_MS + _integers(_HOUR_MS, total, generator)
            lists[column.timestamps] = _lists(column.timestamps, _NOW_MS - ages, lengths)
    chosen = [_integers(num_ids, size, generator) for num_ids in ids.values()]
    return Batch(
        numeric=torch.randn(size, len(numeric), generator=generator),
        ids=KeyedJaggedTensor(
            keys=list(ids),
            values=torch.cat(chosen) if chosen else torch.empty(0, dtype=torch.int64),
            lengths=torch.ones(len(ids) * size, dtype=torch.int32),
        ),
        id_lists=lists,
        embeddings={
            name: torch.randn(size, column.dim, generator=generator)
            for name, column in columns.items()
            if isinstance(column, Embedding)
        },
        labels=torch.zeros(size, len(network.labels)),
        weights=torch.ones(size),
        timestamps=timestamps if network.reads_steps else None,
    )


def _integers(below: int, count: int, generator: torch.Generator) -> Tensor:
    return torch.randint(below, (count,), generator=generator)


def _lists(name: str, values: Tensor, lengths: Tensor) -> KeyedJaggedTensor:
    return KeyedJaggedTensor(keys=[name], values=values, lengths=lengths.int())
