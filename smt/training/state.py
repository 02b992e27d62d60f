"""All that a training needs to go on, by names that do not depend on how it is spread."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed._shard.sharded_tensor.api import ShardedTensor
from torch.distributed.tensor import DTensor
from torchrec.distributed import DistributedModelParallel
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.training.checkpoint import held_sizes, read_tensors, write_tensors
from smt.training.learner import Learner
from smt.training.parallel import Placed
from smt.training.workers import Workers

State = dict[str, Tensor | ShardedTensor]
STEP = "step"
JUDGED = "judged"


def save_training(
    learners: Mapping[str, Learner],
    step: int,
    path: Path,
    workers: Workers,
    judged: Sequence[Tensor] = (),
) -> None:
    """Write this worker's share of networks, their optimizers and averages into a folder.

    Args:
        learners: Prefix of their names -> the learner.
        step: How many steps are done.
        judged: `[B, E]` logits of the rows that were judged on the way, by batches.
    """
    state: State = {STEP: torch.tensor([step])}
    if judged:
        state[JUDGED] = torch.cat([*judged])
    for prefix, learner in learners.items():
        state |= {f"{prefix}{n}": v for n, v in _own_state(learner, workers).items()}
    write_tensors(state, path, workers)


def load_training(learners: Mapping[str, Learner], path: Path, workers: Workers) -> None:
    """Go on from a folder that `save_training` wrote, under any strategy and number of workers.

    Raises:
        InputError: The folder is broken, or of other networks.
    """
    sizes = held_sizes(path)
    step = torch.zeros(1, dtype=torch.int64)
    state: State = {STEP: step}
    for prefix, learner in learners.items():
        _make_room(learner.placed, [n.removeprefix(prefix) for n in sizes if n.startswith(prefix)])
        state |= {f"{prefix}{n}": v for n, v in training_state(learner).items()}
    read_tensors(state, path, workers)
    for learner in learners.values():
        if learner.averaged is not None:
            learner.averaged.updates = int(step)


def saved_step(path: Path) -> int:
    """How many steps were done. Raises `InputError` where the folder holds no training."""
    step = torch.zeros(1, dtype=torch.int64)
    read_tensors({STEP: step}, path)
    return int(step)


def saved_logits(path: Path) -> Tensor:
    """`[n, E]` of the rows that were judged on the way; none where there were none yet."""
    size = held_sizes(path).get(JUDGED)
    if size is None:
        return torch.empty(0)
    logits = torch.empty(size)
    read_tensors({JUDGED: logits}, path)
    return logits


def training_state(learner: Learner) -> State:
    """Name -> tensor, as this worker holds it: all of it, or a share (DTensor, ShardedTensor).

    Parameters and buffers, what optimizers keep of each parameter, and averages. The tensors
    are the training's own: what is copied into them is what it goes on with. Of an optimizer,
    what its first step has made.
    """
    placed = learner.placed
    state: State = {f"network.{name}": v for name, v in placed.network.state_dict().items()}
    names = _names(placed)
    for optimizer in placed.dense_optimizers:
        for parameter, kept in optimizer.state.items():
            state |= {f"optimizer.{names[parameter]}.{key}": v for key, v in kept.items()}
    state |= {f"tables.{name}": sums for name, sums in _table_sums(placed)}
    if learner.averaged is not None:
        state |= {
            f"average.{name}": value
            for name, value in zip(placed.trained, learner.averaged.values, strict=True)
        }
    # A safetensors file cannot be read in part where a tensor has no dimension.
    return {name: value.view(1) if value.dim() == 0 else value for name, value in state.items()}


@torch.no_grad()
def whole_network(placed: Placed, workers: Workers) -> dict[str, Tensor]:
    """On rank 0 the state of the plain network, on the CPU; every worker must call it."""
    whole: dict[str, Tensor] = {}
    for name, value in placed.network.state_dict().items():
        if isinstance(value, ShardedTensor):
            tensor = torch.empty(value.size()) if workers.rank == 0 else None
            value.gather(0, tensor)
        elif isinstance(value, DTensor):
            tensor = value.full_tensor()
        else:
            tensor = value
            owner = _owner(name, placed.owners)
            if owner is not None:
                dist.broadcast(tensor, owner)
        if tensor is not None and workers.rank == 0:
            whole[name] = tensor.detach().cpu()
    return whole


def _own_state(learner: Learner, workers: Workers) -> State:
    """Without what only another worker has in truth."""
    owners = learner.placed.owners
    return {
        name: value
        for name, value in training_state(learner).items()
        if _owner(name.partition(".")[2], owners) in (None, workers.rank)
    }


def _owner(name: str, owners: Mapping[str, int]) -> int | None:
    """The rank that alone holds what has this name; None where all hold it."""
    return next((rank for prefix, rank in owners.items() if name.startswith(prefix)), None)


def _names(placed: Placed) -> dict[Tensor, str]:
    return {parameter: name for name, parameter in placed.plain.named_parameters()}


def _table_sums(placed: Placed) -> Iterator[tuple[str, Tensor | ShardedTensor]]:
    """Table -> the `[rows]` or `[rows, D]` sums of its Adagrad, wherever the table is."""
    names = _names(placed)
    for optimizer in placed.copied_tables:
        for parameter, kept in optimizer.state.items():
            sums = kept["sum"]
            yield names[parameter], sums.view(-1) if sums.shape[1] == 1 else sums
    if isinstance(placed.network, DistributedModelParallel):
        for name, kept in placed.network.fused_optimizer.state_dict()["state"].items():
            (sums,) = kept.values()
            yield name, sums
        return
    for prefix, module in placed.plain.named_modules():
        if isinstance(module, FusedEmbeddingBagCollection):
            for name, kept in module.fused_optimizer().state_dict()["state"].items():
                (sums,) = kept.values()
                yield f"{prefix}.embedding_bags.{name}", sums


def _make_room(placed: Placed, held: list[str]) -> None:
    """Zeros for what an optimizer kept of a parameter: before its first step there is nothing."""
    names = _names(placed)
    for optimizer in placed.dense_optimizers:
        by_name = {f"optimizer.{names[p]}": p for g in optimizer.param_groups for p in g["params"]}
        for name in held:
            prefix, _, key = name.rpartition(".")
            parameter = by_name.get(prefix)
            if parameter is None or key in optimizer.state[parameter]:
                continue
            optimizer.state[parameter][key] = (
                torch.zeros((), device=parameter.device)
                if key == "step"
                else torch.zeros_like(parameter)
            )
