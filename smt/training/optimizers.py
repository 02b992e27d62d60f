"""The optimizers of a network's dense parameters."""

from collections.abc import Collection, Iterable
from typing import Any, assert_never

from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Muon, Optimizer

from smt.layers.heads import EventLogits
from smt.template.optimizers import (
    AdagradSpec,
    AdamSpec,
    AdamWSpec,
    DenseOptimizer,
    MuonSpec,
    SGDSpec,
)

# Their matrices are no maps from one hidden layer to the next.
_NOT_HIDDEN = (nn.Embedding, nn.LayerNorm, EventLogits)


def dense_optimizers(
    named_parameters: Iterable[tuple[str, nn.Parameter]],
    spec: DenseOptimizer,
    *,
    rate: float,
    hidden: Collection[str],
) -> list[Optimizer]:
    """The optimizers that a spec describes; every group's `lr` is its base rate.

    Args:
        named_parameters: All dense parameters, none of a fused table.
        rate: Base learning rate; of Muon that of the hidden matrices.
        hidden: Names of the `hidden_matrices`, which Muon updates.

    Raises:
        ValueError: Muon has no hidden matrix to update.
    """
    named = list(named_parameters)
    parameters = [parameter for _, parameter in named]
    match spec:
        case AdamSpec():
            return [Adam(_groups(parameters), lr=rate, betas=spec.betas, eps=spec.eps, fused=True)]
        case AdamWSpec():
            return [_adamw(parameters, spec, rate)]
        case MuonSpec():
            matrices = [parameter for name, parameter in named if name in hidden]
            others = [parameter for name, parameter in named if name not in hidden]
            return _muon(matrices, others, spec, rate)
        case SGDSpec():
            return [SGD(_groups(parameters), lr=rate, momentum=spec.momentum)]
        case AdagradSpec():
            start = spec.initial_accumulator
            return [
                Adagrad(_groups(parameters), rate, initial_accumulator_value=start, eps=spec.eps)
            ]
        case _:
            assert_never(spec)


def hidden_matrices(network: nn.Module) -> set[str]:
    """Names of the matrices between hidden layers: no embedding, norm or event's last row.

    A matrix of a single row or column is a vector, which has nothing to orthogonalise.
    """
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if not isinstance(module, _NOT_HIDDEN)
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.dim() == 2 and min(parameter.shape) > 1
    }


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """Shrink gradients to a joint norm of at most `max_norm`; returns the norm they had.

    Of several workers, after gradients are averaged and only of parameters that all of them
    have: then all shrink alike, and stay equal.
    """
    norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


def alike(parameters: Iterable[Tensor]) -> list[list[Tensor]]:
    """The whole ones and the sharded ones, where there are some: torch takes no mixture at once."""
    parameters = list(parameters)
    whole = [tensor for tensor in parameters if not isinstance(tensor, DTensor)]
    sharded: list[Tensor] = [tensor for tensor in parameters if isinstance(tensor, DTensor)]
    return [kind for kind in (whole, sharded) if kind]


def _groups(parameters: Iterable[nn.Parameter], **options: float) -> list[dict[str, Any]]:
    return [{"params": kind, **options} for kind in alike(parameters)]


def _adamw(parameters: list[nn.Parameter], spec: AdamWSpec, rate: float) -> Optimizer:
    # Decay would pull the bias of a rare event's logit from its base rate towards even odds.
    vectors = [parameter for parameter in parameters if parameter.dim() < 2]
    matrices = [parameter for parameter in parameters if parameter.dim() >= 2]
    groups = [
        *_groups(vectors, weight_decay=0.0),
        *_groups(matrices, weight_decay=spec.weight_decay),
    ]
    return AdamW(groups, lr=rate, betas=spec.betas, eps=spec.eps, fused=True)


def _muon(
    matrices: list[nn.Parameter], others: list[nn.Parameter], spec: MuonSpec, rate: float
) -> list[Optimizer]:
    if not matrices:
        raise ValueError("Muon has nothing to update: no parameter is a hidden matrix")
    optimizers: list[Optimizer] = [
        Muon(
            matrices,
            lr=rate,
            weight_decay=spec.weight_decay,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            ns_steps=spec.steps,
            adjust_lr_fn=spec.scaling,
        )
    ]
    if others:
        optimizers.append(
            Adam(_groups(others), lr=spec.adam_rate, betas=spec.adam_betas, fused=True)
        )
    return optimizers
