"""Put a plain network on 1..W workers, with the optimizers of its two parts."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.optim import Adam, Optimizer
from torchrec.distributed import DistributedModelParallel
from torchrec.distributed.fused_embeddingbag import FusedEmbeddingBagCollectionSharder
from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
from torchrec.distributed.types import ModuleSharder, ShardingEnv
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.template.template import Training


@dataclass(frozen=True)
class Workers:
    """This process's place among the `count` that train one network together."""

    rank: int
    count: int


LOCAL = Workers(rank=0, count=1)


def parallelize(
    network: nn.Module, training: Training, workers: Workers
) -> tuple[nn.Module, list[tuple[Optimizer, float]]]:
    """The network ready to train, and its optimizers with their base learning rates.

    One worker: the network itself. More: TorchRec's `DistributedModelParallel`, tables
    sharded by its planner and the dense part data-parallel, over the process group that
    Ray Train has set up.

    Returns:
        The network, and `(optimizer, base rate)` of the dense part and of the tables. The
        tables' optimizer only carries the rate: FBGEMM updates rows in `backward`.
    """
    if workers.count > 1:
        network = _shard(network, workers)
    fused = [m for m in network.modules() if isinstance(m, FusedEmbeddingBagCollection)]
    in_tables = {id(p) for tables in fused for p in tables.parameters()}
    dense = [p for p in network.parameters() if id(p) not in in_tables]
    optimizers: list[tuple[Optimizer, float]] = [
        (Adam(dense, lr=training.dense_rate, fused=True), training.dense_rate)
    ]
    optimizers += [(tables.fused_optimizer(), training.table_rate) for tables in fused]
    return network, optimizers


def _shard(network: nn.Module, workers: Workers) -> nn.Module:
    sharders: list[ModuleSharder[nn.Module]] = [FusedEmbeddingBagCollectionSharder()]
    device = torch.device("cpu")
    topology = Topology(world_size=workers.count, compute_device=device.type)
    plan = EmbeddingShardingPlanner(topology=topology).collective_plan(
        network, sharders, dist.group.WORLD
    )
    assert dist.group.WORLD is not None
    sharded: nn.Module = DistributedModelParallel(
        network,
        env=ShardingEnv.from_process_group(dist.group.WORLD),
        plan=plan,
        sharders=sharders,
        device=device,
    )
    return sharded
