"""Put a plain network on 1..W workers, with the optimizers of its two parts."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torch.optim import Optimizer
from torchrec import KeyedJaggedTensor
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.fused_embeddingbag import FusedEmbeddingBagCollectionSharder
from torchrec.distributed.model_parallel import DefaultDataParallelWrapper
from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
from torchrec.distributed.planner.types import ParameterConstraints
from torchrec.distributed.types import ModuleSharder, ShardingEnv, ShardingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.errors import InputError
from smt.layers.past_rates import PastRatesToken
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables
from smt.template.training import Distribution, Training
from smt.training.optimizers import dense_optimizers, hidden_matrices


@dataclass(frozen=True)
class Workers:
    """This process's place among the `count` that train one network together."""

    rank: int
    count: int


LOCAL = Workers(rank=0, count=1)


def parallelize(
    network: nn.Module, training: Training, workers: Workers
) -> tuple[nn.Module, list[Optimizer]]:
    """The network ready to train, and its optimizers; the `lr` of a group is its base rate.

    One worker: the network itself. More: TorchRec's `DistributedModelParallel`, tables
    sharded by its planner and the dense part data-parallel, over the process group that
    Ray Train has set up. What the network counts over a batch (means and variances of
    numeric features, how often an id was seen) is counted over all workers' examples, so
    all predict the same, and what a single worker would but for rounding.

    Returns:
        The network, and the optimizers of the dense part and of the tables. The tables'
        optimizers only carry the rate: FBGEMM updates rows in `backward`.

    Raises:
        InputError: More than one worker, and a distribution that is not supported yet.
    """
    in_tables = table_parameters(network)
    dense = [(n, p) for n, p in network.named_parameters() if p not in in_tables]
    optimizers = dense_optimizers(
        dense, training.optimizer, rate=training.dense_rate, hidden=hidden_matrices(network)
    )
    if workers.count == 1:
        optimizers += [tables.fused_optimizer() for tables in _collections(network)]
        return network, optimizers
    if training.distribution != Distribution():
        raise InputError(
            f"distribution {training.distribution.dense} / {training.distribution.tables} does not "
            "run yet; leave it at data_parallel / planned, or train on one worker"
        )
    _count_globally(network, workers)
    sharded = _shard(network, workers)
    optimizers.append(sharded.fused_optimizer)
    return sharded, optimizers


def table_parameters(network: nn.Module) -> set[nn.Parameter]:
    """The tables, pooled or not, of a network that is not sharded: no dense optimizer's."""
    return {table for tables in _collections(network) for table in tables.parameters()}


def _collections(network: nn.Module) -> list[FusedEmbeddingBagCollection]:
    return [each for each in network.modules() if isinstance(each, FusedEmbeddingBagCollection)]


def all_finite(loss: Tensor, workers: Workers) -> bool:
    """Whether the loss is finite on every worker, so that all of them go on or none does."""
    finite = torch.isfinite(loss.detach()).to(torch.int32)
    if workers.count > 1:
        dist.all_reduce(finite, dist.ReduceOp.MIN)
    return bool(finite)


def total_weight(weights: Tensor, workers: Workers) -> Tensor:
    """Sum of a batch's weights; of several workers, their mean sum, as gradients are averaged.

    Above zero, so that a batch without weight teaches nothing instead of 0 / 0.
    """
    total = weights.sum()
    if workers.count > 1:
        dist.all_reduce(total)
        total /= workers.count
    return total.clamp(min=torch.finfo(total.dtype).tiny)


class _Sharder(FusedEmbeddingBagCollectionSharder):
    """Every table is on some worker, none on all: those would have dense gradients."""

    def sharding_types(self, compute_device_type: str) -> list[str]:
        types: list[str] = super().sharding_types(compute_device_type)
        return [each for each in types if each != ShardingType.DATA_PARALLEL.value]


def _shard(network: nn.Module, workers: Workers) -> Any:
    weighted = {
        prefix: tables
        for prefix, tables in network.named_modules()
        if isinstance(tables, PooledTables) and tables.weighers
    }
    sharders: list[ModuleSharder[nn.Module]] = [_Sharder()]
    device = torch.device("cpu")
    group = dist.group.WORLD
    assert group is not None
    plan = EmbeddingShardingPlanner(
        topology=Topology(world_size=workers.count, compute_device=device.type),
        constraints=_constraints(network),
    ).collective_plan(network, sharders, group)
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    weighers = [
        f"{prefix}.weighers.{name}"
        for prefix, tables in weighted.items()
        for name, _ in tables.weighers.named_parameters()
    ]
    sharded = DistributedModelParallel(
        network,
        env=ShardingEnv.from_process_group(group),
        plan=plan,
        sharders=sharders,
        device=device,
        data_parallel_wrapper=DefaultDataParallelWrapper(params_to_ignore=weighers),
    )
    for name, value in sharded.state_dict().items():
        if isinstance(value, ShardedTensor):
            _restore(value, initial[name])
    for tables in weighted.values():
        _weigh_beside_tables(tables)
    return sharded


def _constraints(network: nn.Module) -> dict[str, ParameterConstraints]:
    """Table -> how it may be sharded, where not in every way."""
    whole, columns = ShardingType.TABLE_WISE.value, ShardingType.COLUMN_WISE.value
    allowed: dict[str, list[str]] = {}
    for module in network.modules():
        # Their workers have different numbers of bags, which torchrec's row-wise does not take.
        if isinstance(module, StepTables):
            for name in module.tables:
                allowed.setdefault(name, [whole, columns])
        # A weigher lives beside its table, so its table is whole.
        elif isinstance(module, PooledTables) and module.weighers:
            for table in module.tables.embedding_bag_configs():
                allowed[table.name] = [whole]
    return {name: ParameterConstraints(sharding_types=types) for name, types in allowed.items()}


def _weigh_beside_tables(tables: PooledTables) -> None:
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


@torch.no_grad()
def _restore(table: ShardedTensor, initial: Tensor) -> None:
    """Put the initial rows back: torchrec draws a sharded table anew where it is on a CPU."""
    for shard in table.local_shards():
        row, column = shard.metadata.shard_offsets
        rows, columns = shard.metadata.shard_sizes
        shard.tensor.copy_(initial[row : row + rows, column : column + columns])


def _count_globally(network: nn.Module, workers: Workers) -> None:
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm1d) and not child.affine:
                setattr(parent, name, _GlobalBatchNorm(child, workers))
            elif isinstance(child, PastRatesToken):
                child.gather = partial(_gather, workers=workers)


def _gather(rows: Tensor, *, workers: Workers) -> Tensor:
    """`[B, ...]` of every worker, one after the other."""
    rows = rows.contiguous()
    shares = [torch.empty_like(rows) for _ in range(workers.count)]
    dist.all_gather(shares, rows)
    return torch.cat(shares)


class _GlobalBatchNorm(nn.BatchNorm1d):
    """Normalises inputs, to which no gradient flows, by all workers' examples."""

    def __init__(self, local: nn.BatchNorm1d, workers: Workers) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, affine=False)
        self.load_state_dict(local.state_dict())
        self._workers = workers

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return super().forward(inputs)
        everyone = super().forward(_gather(inputs, workers=self._workers))
        return everyone.chunk(self._workers.count)[self._workers.rank]
