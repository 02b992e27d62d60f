"""The dense part over several workers: FSDP2, within groups of them or over all."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FSDPModule,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
    share_comm_ctx,
)

from smt.errors import InputError
from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.stack import Stack
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables
from smt.template.training import Distribution, Training
from smt.training.workers import Workers

_TABLES = (PooledTables, StepTables)


def shard_dense(
    network: nn.Module, training: Training, workers: Workers, device: torch.device
) -> None:
    """Shard a network's dense parameters in place; those of tables stay as they are.

    With bf16, interactions gather their parameters as bfloat16; gradients are summed as float32.

    Raises:
        InputError: The workers cannot be divided as `hybrid` needs.
    """
    mesh = _mesh(training.distribution, workers, device)
    offload = training.distribution.offload and device.type != "cpu"
    half = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    units: list[FSDPModule] = []
    for module in fsdp_units(network):
        is_half = training.precision == "bf16" and isinstance(module, Interaction)
        units.append(
            fully_shard(
                module,
                mesh=mesh,
                mp_policy=half if is_half else MixedPrecisionPolicy(),
                offload_policy=CPUOffloadPolicy() if offload else OffloadPolicy(),
            )
        )
    # Each unit is a root, as no unit may hold a table: they would each have streams of their own.
    share_comm_ctx(units)


def reshard(network: nn.Module) -> None:
    """Let the next forward pass gather parameters anew, where some are sharded.

    A unit that is a root keeps what it has gathered until a backward pass, whatever becomes of
    its shares meanwhile (torch 2.13).
    """
    for module in network.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def fsdp_units(network: nn.Module) -> Iterator[nn.Module]:
    """The largest modules that hold parameters and no table; of a stack, each interaction."""
    for child in network.children():
        if isinstance(child, _TABLES) or not any(True for _ in child.parameters()):
            continue
        # Gathering happens in `forward`, which a mere container never runs.
        runs = type(child).forward is not nn.Module.forward
        holds_tables = any(isinstance(module, _TABLES) for module in child.modules())
        if runs and not holds_tables and not isinstance(child, Stack):
            yield child
        else:
            yield from fsdp_units(child)


def _mesh(distribution: Distribution, workers: Workers, device: torch.device) -> DeviceMesh:
    if distribution.dense == "fsdp":
        return init_device_mesh(device.type, (workers.count,))
    size = distribution.shard_workers or workers.on_node or workers.count
    if workers.count % size:
        raise InputError(
            f"hybrid sharding needs groups of equal size: {workers.count} workers do not divide "
            f"into groups of {size}; set training.distribution.shard_workers"
        )
    return init_device_mesh(
        device.type, (workers.count // size, size), mesh_dim_names=("replicate", "shard")
    )
