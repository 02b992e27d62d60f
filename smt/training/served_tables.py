"""Tables that predict as they are served, while the rows that are trained stay what they are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torchrec import EmbeddingBagCollection
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.errors import InputError
from smt.layers.step_tables import StepTables
from smt.layers.stored_rows import Precision, read_rows, store_rows
from smt.layers.tables import PooledTables


@contextmanager
def tables_as_served(network: nn.Module, precision: Precision) -> Iterator[None]:
    """Within, rows are looked up as `precision` stores them; then all are as before, to the bit.

    Of collections that are not sharded, only the rows that a batch reads are
    exchanged, and only while it reads them; of sharded ones all, on the worker that has them.

    Args:
        network: Which only predicts meanwhile; it may be sharded.
    """
    with ExitStack() as stack:
        for collection in () if precision == "fp32" else _collections(network):
            if isinstance(collection, FusedEmbeddingBagCollection | EmbeddingBagCollection):
                stack.enter_context(_read_as_served(collection, precision))
            else:
                for shard in _shards(collection):
                    stack.enter_context(_all_as_served(shard, precision))
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
    tables, configs = collection.state_dict(), collection.embedding_bag_configs()
    own: list[tuple[Tensor, Tensor, Tensor]] = []

    def store(_: nn.Module, inputs: tuple[Any]) -> None:
        lists = inputs[0].to_dict()
        for config in configs:
            table = tables[f"embedding_bags.{config.name}.weight"]
            rows = torch.cat([lists[name].values() for name in config.feature_names])
            own.append((table, rows, table[rows]))
            table[rows] = _as_served(table[rows], precision)

    def restore(*_: object) -> None:
        for table, rows, values in own:
            table[rows] = values
        own.clear()

    hooks = (
        collection.register_forward_pre_hook(store),
        collection.register_forward_hook(restore, always_call=True),
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
        table.copy_(_as_served(own, precision))
    try:
        yield
    finally:
        with torch.no_grad():
            table.copy_(own)


def _as_served(rows: Tensor, precision: Precision) -> Tensor:
    return read_rows(*store_rows(rows, precision))


def _collections(network: nn.Module) -> Iterator[Any]:
    """All tables of a network, in torchrec's collections, sharded or not."""
    for module in network.modules():
        if isinstance(module, PooledTables):
            yield module.tables
        elif isinstance(module, StepTables):
            yield from module.tables.values()


def _shards(collection: nn.Module) -> Iterator[Tensor]:
    """What this worker has of each table."""
    for table in collection.state_dict().values():
        assert isinstance(table, ShardedTensor)
        for shard in table.local_shards():
            yield shard.tensor
