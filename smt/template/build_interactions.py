"""Interactions, from their specs."""

from torch import nn

from smt.layers import mlp, multitask
from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.stack import Stack
from smt.template import architecture as specs


def build_stack(
    stack: tuple[specs.Interaction, ...], num_tokens: int, dim: int, num_sequences: int
) -> Stack:
    """All interactions of a tower, but those that would have nothing to do there.

    Raises:
        ValueError: Sizes do not fit, such as heads that do not divide `dim`.
    """
    modules: list[Interaction] = []
    tokens = num_tokens
    for spec in stack:
        built = spec.build(tokens, dim, num_sequences)
        if built is not None:
            modules.append(built)
            tokens = built.out_tokens
    return Stack(num_tokens, dim, modules=modules)


def build_over(spec: specs.PlainMLP | specs.ResidualMLP, in_features: int) -> nn.Module:
    """The MLP over the flattened tokens."""
    module = mlp.MLP if isinstance(spec, specs.PlainMLP) else mlp.ResidualMLP
    return module(in_features, **specs.sizes(spec))


def build_tasks(
    spec: specs.SharedBottom | specs.MMoE | specs.PLE, in_features: int, num_events: int
) -> nn.Module:
    """How events share the MLP's output."""
    if isinstance(spec, specs.MMoE):
        return multitask.MMoE(in_features, num_events, **specs.sizes(spec))
    if isinstance(spec, specs.PLE):
        return multitask.PLE(in_features, num_events, **specs.sizes(spec))
    return multitask.SharedBottom(in_features, num_events)
