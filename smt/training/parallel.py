"""Put a plain network on 1..W workers, with the optimizers of its two parts."""

from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from torch import nn
from torch.optim import Adagrad, Optimizer
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad

from smt.template.training import Training
from smt.training.global_counts import count_globally
from smt.training.optimizers import dense_optimizers, hidden_matrices
from smt.training.sharded_dense import shard_dense
from smt.training.sharded_tables import copied_tables, shard_tables, weigher_owners
from smt.training.workers import Workers

# What fused optimizers add to the root of a sum: the first gradients of a table are small.
FBGEMM_EPS = 1e-8


@dataclass(frozen=True)
class Placed:
    """A network that is ready to train.

    Attributes:
        network: What batches go through.
        plain: The network that was placed; its dense modules are the ones that train.
        trained: Name -> parameter of the dense part, as this worker holds it: all of it, or a
            share.
        dense_optimizers: Of the dense part; the `lr` of a group is its base rate.
        copied_tables: Optimizers of tables that every worker has a copy of.
        fused: They only carry the tables' rate: FBGEMM updates rows in `backward`.
        owners: Prefix of names -> the only worker that holds what has it.
    """

    network: nn.Module
    plain: nn.Module
    trained: dict[str, nn.Parameter]
    dense_optimizers: list[Optimizer]
    copied_tables: list[Optimizer]
    fused: list[Optimizer]
    owners: dict[str, int]

    @property
    def optimizers(self) -> list[Optimizer]:
        """All of them."""
        return [*self.dense_optimizers, *self.copied_tables, *self.fused]

    @property
    def dense(self) -> dict[str, nn.Parameter]:
        """The dense parameters that all workers train, without those beside one's table."""
        owned = tuple(self.owners)
        return {name: p for name, p in self.trained.items() if not name.startswith(owned)}


def parallelize(network: nn.Module, training: Training, workers: Workers) -> Placed:
    """Place a network as its training template says.

    One worker: the network itself. More, over the process group that Ray Train has set up:
    tables sharded by TorchRec, and the dense part copied (DDP), fully sharded (FSDP2), or
    sharded within groups of workers and copied between them. What the network counts over a
    batch (means and variances of numeric features, how often an id was seen) is counted over
    all workers' examples, so all predict the same, and what a single worker would but for
    rounding.

    Raises:
        InputError: The distribution does not fit the device, the optimizer or the workers.
    """
    in_tables = table_parameters(network)
    names = {name for name, parameter in network.named_parameters() if parameter not in in_tables}
    hidden = hidden_matrices(network)
    fused: list[Optimizer]
    if workers.count == 1:
        sharded, owners = network, {}
        fused = [tables.fused_optimizer() for tables in _collections(network)]
    else:
        device = next(network.parameters()).device
        is_copied = training.distribution.dense == "data_parallel"
        count_globally(network, workers)
        sharded = shard_tables(network, training, workers, device, dense_in_ddp=is_copied)
        if not is_copied:
            shard_dense(network, training, workers, device)
        owners = weigher_owners(network, sharded.plan)
        fused = [sharded.fused_optimizer]
    trained = {name: p for name, p in network.named_parameters() if name in names}
    return Placed(
        network=sharded,
        plain=network,
        trained=trained,
        dense_optimizers=dense_optimizers(
            trained.items(), training.optimizer, rate=training.dense_rate, hidden=hidden
        ),
        copied_tables=_copied_tables(copied_tables(network), training),
        fused=fused,
        owners=owners,
    )


def table_parameters(network: nn.Module) -> set[nn.Parameter]:
    """The tables, pooled or not, of a network that is not sharded: no dense optimizer's."""
    return {table for tables in _collections(network) for table in tables.parameters()}


def _collections(network: nn.Module) -> list[FusedEmbeddingBagCollection]:
    return [
        module for module in network.modules() if isinstance(module, FusedEmbeddingBagCollection)
    ]


def _copied_tables(tables: dict[str, nn.Parameter], training: Training) -> list[Optimizer]:
    """The optimizer of tables that every worker has; it averages their gradients first."""
    if not tables:
        return []
    kind = Adagrad if training.table_optimizer == "adagrad" else RowWiseAdagrad
    optimizer = kind(tables.values(), lr=training.table_rate, eps=FBGEMM_EPS)
    optimizer.register_step_pre_hook(_average_gradients)
    return [optimizer]


def _average_gradients(optimizer: Optimizer, *_: Any) -> None:
    for group in optimizer.param_groups:
        for table in group["params"]:
            dist.all_reduce(table.grad)
            table.grad /= dist.get_world_size()
