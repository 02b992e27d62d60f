"""Embedding tables over several workers: TorchRec's sharding, by a plan of its planner."""

from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torchrec import EmbeddingBagCollection, KeyedJaggedTensor
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.fused_embeddingbag import FusedEmbeddingBagCollectionSharder
from torchrec.distributed.model_parallel import DefaultDataParallelWrapper
from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
from torchrec.distributed.planner.types import ParameterConstraints
from torchrec.distributed.types import ModuleSharder, ShardingEnv, ShardingPlan, ShardingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.errors import InputError
from smt.layers.named import module_key
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables
from smt.template.training import Training
from smt.training.workers import Workers

COPIED = ShardingType.DATA_PARALLEL.value
WHOLE = ShardingType.TABLE_WISE.value
COLUMNS = ShardingType.COLUMN_WISE.value
ROWS = ShardingType.ROW_WISE.value
# FBGEMM reads rows in fours of floats.
NARROWEST = 4


def shard_tables(
    network: nn.Module,
    training: Training,
    workers: Workers,
    device: torch.device,
    *,
    dense_in_ddp: bool,
) -> Any:
    """TorchRec's `DistributedModelParallel` over a network, which is changed in place.

    Sharded tables keep their values and are trained by their fused optimizer; the gradients of
    copied ones are left to their optimizer. A table whose ids are weighed lives whole on one
    worker, and its weighers beside it.

    Args:
        dense_in_ddp: Also average the gradients of the dense part.

    Raises:
        InputError: Tables cannot be spread so on this device, or not under their optimizer.
    """
    _require_possible(training, device)
    weighed = {
        prefix: tables
        for prefix, tables in network.named_modules()
        if isinstance(tables, PooledTables) and tables.weighers
    }
    if training.distribution.tables == "data_parallel":
        _copy_tables(network)
    sharders: list[ModuleSharder[nn.Module]] = [_Sharder()]
    group = dist.group.WORLD
    assert group is not None
    plan = EmbeddingShardingPlanner(
        topology=Topology(
            world_size=workers.count,
            compute_device=device.type,
            local_world_size=workers.on_node or workers.count,
        ),
        constraints=_constraints(network, training, workers),
    ).collective_plan(network, sharders, group)
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    not_averaged = [
        f"{prefix}.weighers.{name}"
        for prefix, tables in weighed.items()
        for name, _ in tables.weighers.named_parameters()
    ]
    not_averaged += copied_tables(network)
    sharded = DistributedModelParallel(
        network,
        env=ShardingEnv.from_process_group(group),
        plan=plan,
        sharders=sharders,
        device=device,
        init_data_parallel=dense_in_ddp,
        data_parallel_wrapper=DefaultDataParallelWrapper(params_to_ignore=not_averaged),
    )
    for name, value in sharded.state_dict().items():
        if isinstance(value, ShardedTensor):
            _restore(value, initial[name])
    for tables in weighed.values():
        _weigh_beside_tables(tables, workers)
    return sharded


def weigher_owners(network: nn.Module, plan: ShardingPlan) -> dict[str, int]:
    """Prefix of the names of a list's weighers -> the rank that holds them and their table."""
    owners: dict[str, int] = {}
    for prefix, tables in network.named_modules():
        if isinstance(tables, PooledTables) and tables.weighers:
            placed = plan.plan[f"{prefix}.tables"]
            for table, features in tables.features_of.items():
                (rank,) = placed[module_key(table)].ranks
                owners |= {f"{prefix}.weighers.{module_key(name)}.": rank for name in features}
    return owners


def copied_tables(network: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> table, of those that every worker has."""
    return {
        f"{prefix}.{name}": table
        for prefix, module in network.named_modules()
        if isinstance(module, EmbeddingBagCollection)
        for name, table in module.named_parameters()
    }


def _require_possible(training: Training, device: torch.device) -> None:
    asked = training.distribution.tables
    if asked == "row_wise" and device.type == "cpu":
        raise InputError(
            "training.distribution.tables: row_wise does not run on CPUs, whose exchange takes "
            "equally many bags of every worker; use table_wise or column_wise"
        )
    if asked == "column_wise" and training.table_optimizer == "row_wise_adagrad":
        raise InputError(
            "training.distribution.tables: column_wise splits the rows over whose columns "
            "row-wise Adagrad takes a mean, so numbers would depend on the workers; set "
            "training.table_optimizer to adagrad, or use table_wise"
        )


class _Sharder(FusedEmbeddingBagCollectionSharder):
    """Every table is on some worker, none on all: those would have dense gradients."""

    def sharding_types(self, compute_device_type: str) -> list[str]:
        types: list[str] = super().sharding_types(compute_device_type)
        return [kind for kind in types if kind != COPIED]


@torch.no_grad()
def _copy_tables(network: nn.Module) -> None:
    """Put a collection of torch's own tables in each fused one's place; weighed ones stay.

    FBGEMM's tables have no gradients that could be averaged, not even torchrec's data-parallel
    ones where they are on a CPU.
    """
    for parent in list(network.modules()):
        if isinstance(parent, PooledTables) and parent.weighers:
            continue
        for name, child in list(parent.named_children()):
            if isinstance(child, FusedEmbeddingBagCollection):
                weights = child.state_dict()
                plain = EmbeddingBagCollection(
                    tables=child.embedding_bag_configs(), device=child.device
                )
                plain.load_state_dict(weights)
                setattr(parent, name, plain)


def _constraints(
    network: nn.Module, training: Training, workers: Workers
) -> dict[str, ParameterConstraints]:
    """Table -> how it may be sharded."""
    asked = training.distribution.tables
    # What a worker is given must not change the numbers.
    planned = [WHOLE] if training.table_optimizer == "row_wise_adagrad" else [WHOLE, COLUMNS]
    kinds = {
        "planned": planned,
        # Only of tables whose ids are weighed; the others are copies already.
        "data_parallel": [WHOLE],
        "table_wise": [WHOLE],
        "column_wise": [COLUMNS],
        "row_wise": [ROWS],
    }[asked]
    constraints: dict[str, ParameterConstraints] = {}
    for module in network.modules():
        if isinstance(module, StepTables):
            # Workers have different numbers of bags there, which torchrec's row-wise does not take.
            own = [WHOLE] if asked == "row_wise" else kinds
        elif isinstance(module, PooledTables):
            # A weigher lives beside its table, so its table is whole.
            own = [WHOLE] if module.weighers else kinds
        else:
            continue
        names = [*module.features_of]
        constraints |= {module_key(name): _constraint(own, module.dim, workers) for name in names}
    return constraints


def _constraint(kinds: list[str], dim: int, workers: Workers) -> ParameterConstraints:
    share = -(-dim // workers.count)
    narrowest = -(-share // NARROWEST) * NARROWEST
    return ParameterConstraints(sharding_types=kinds, min_partition=narrowest)


def _weigh_beside_tables(tables: PooledTables, workers: Workers) -> None:
    """Weigh ids on the worker that has their table, after they are exchanged.

    No gradient flows back through the exchange, so weights given before it would not learn.
    There a weigher sees the ids of all workers' examples, and no other worker needs its state.
    """

    def weigh(_: nn.Module, inputs: tuple[KeyedJaggedTensor]) -> tuple[KeyedJaggedTensor]:
        (ids,) = inputs
        return (tables.prepare(ids),) if ids.keys() else inputs

    tables.prepares_input = False
    for lookup in tables.tables._lookups:
        lookup.register_forward_pre_hook(weigh)
    # Torchrec averages the gradients of rows over workers, and sums those of ids' weights.
    for parameter in tables.weighers.parameters():
        parameter.register_hook(partial(torch.div, other=workers.count))  # type: ignore[no-untyped-call]


@torch.no_grad()
def _restore(table: ShardedTensor, initial: Tensor) -> None:
    """Put the initial rows back: torchrec draws a sharded table anew where it is on a CPU."""
    for shard in table.local_shards():
        row, column = shard.metadata.shard_offsets
        rows, columns = shard.metadata.shard_sizes
        shard.tensor.copy_(initial[row : row + rows, column : column + columns])
