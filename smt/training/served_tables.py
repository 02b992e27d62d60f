"""Tables that predict as they are served, while the rows that are trained stay what they are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.errors import InputError
from smt.layers.step_tables import StepTables
from smt.layers.stored_rows import Precision, read_rows, store_rows
from smt.layers.tables import PooledTables


@contextmanager
def tables_as_served(network: nn.Module, precision: Precision) -> Iterator[None]:
    """Within, rows are looked up as `precision` stores them; then all are as before, to the bit.

    Of fused tables on this worker alone, only the rows that a batch reads are exchanged, and only
    while it reads them; of copied and sharded ones all that this worker has.

    Args:
        network: Which only predicts meanwhile; it may be sharded.
    """
    with ExitStack() as stack:
        for collection in () if precision == "fp32" else _collections(network):
            if isinstance(collection, FusedEmbeddingBagCollection):
                stack.enter_context(_read_as_served(collection, precision))
            else:
                for rows in _held(collection):
                    stack.enter_context(_all_as_served(rows, precision))
        yield


def require_whole_rows(network: nn.Module, precision: Precision) -> None:
    """Raise `InputError` where a row in int8 is split over workers: its scale is of all of it."""
    for collection in _collections(network) if precision == "int8" else ():
        for table in collection.state_dict().values():
            if isinstance(table, ShardedTensor) and any(
                shard.shard_sizes[1] < table.size(1) for shard in table.metadata().shards_metadata
            ):
                raise InputError(
                    "serving.table_precision: int8 keeps a scale a row, and training.distribution "
                    "splits rows over workers, so they cannot be judged as they are served; set "
                    "training.distribution.tables to table_wise, or the precision to fp16"
                )


@contextmanager
def _read_as_served(collection: Any, precision: Precision) -> Iterator[None]:
    (lookups,) = collection._emb_modules
    tables, own = lookups.split_embedding_weights(), list[tuple[Tensor, Tensor, Tensor]]()
    features = [len(config.feature_names) for config in collection.embedding_bag_configs()]
    starts = torch.tensor([*accumulate(features, initial=0)])

    def store(_: nn.Module, inputs: tuple[Tensor, Tensor, Tensor | None]) -> None:
        # Bags of the first feature of the first table, of its second one, and so on.
        values, offsets = inputs[:2]
        bags = (offsets.shape[0] - 1) // sum(features)
        of_tables = values.tensor_split(offsets[starts * bags][1:-1].cpu().long())
        for table, rows in zip(tables, of_tables, strict=True):
            read = table[rows]
            own.append((table, rows, read))
            table[rows] = read_rows(*store_rows(read, precision))

    def restore(*_: object) -> None:
        for table, rows, read in own:
            table[rows] = read
        own.clear()

    hooks = (
        lookups.register_forward_pre_hook(store),
        lookups.register_forward_hook(restore, always_call=True),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _all_as_served(table: Tensor, precision: Precision) -> Iterator[None]:
    own = table.detach().clone()
    with torch.no_grad():
        table.copy_(read_rows(*store_rows(own, precision)))
    try:
        yield
    finally:
        with torch.no_grad():
            table.copy_(own)


def _collections(network: nn.Module) -> Iterator[Any]:
    """All tables of a network, in torchrec's collections, sharded or not."""
    for module in network.modules():
        if isinstance(module, PooledTables):
            yield module.tables
        elif isinstance(module, StepTables):
            yield from module.tables.values()


def _held(collection: nn.Module) -> Iterator[Tensor]:
    """What this worker has of each table."""
    for table in collection.state_dict().values():
        if isinstance(table, ShardedTensor):
            yield from (shard.tensor for shard in table.local_shards())
        else:
            yield table
