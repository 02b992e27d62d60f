"""Interactions, from their specs."""

from torch import nn

from smt.layers import mlp, multitask
from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.gate import BilinearInteraction, SENetGate
from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.interformer import InterFormerInteraction
from smt.layers.interactions.mask import MaskBlocks
from smt.layers.interactions.self_attention import SelfAttentionInteraction
from smt.layers.interactions.stack import Parallel, Stack
from smt.layers.interactions.wukong import WukongLayer
from smt.template import architecture as specs


def build_stack(
    stack: tuple[specs.Interaction, ...], num_tokens: int, dim: int, num_sequences: int
) -> Stack:
    """All interactions of a tower. Left out: InterFormers without sequences, bilinear
    products of a single token.

    Raises:
        ValueError: Sizes do not fit, such as heads that do not divide `dim`.
    """
    modules: list[Interaction] = []
    tokens = num_tokens
    for spec in stack:
        built = _build_one(spec, tokens, dim, num_sequences)
        if built is not None:
            modules.append(built)
            tokens = built.out_tokens
    return Stack(num_tokens, dim, modules=modules)


def build_over(spec: specs.PlainMLP | specs.ResidualMLP, in_features: int) -> nn.Module:
    """The MLP over the flattened tokens."""
    if isinstance(spec, specs.PlainMLP):
        return mlp.MLP(in_features, spec.widths)
    return mlp.ResidualMLP(in_features, spec.width, spec.depth)


def build_tasks(
    spec: specs.SharedBottom | specs.MMoE | specs.PLE, in_features: int, num_events: int
) -> nn.Module:
    """How events share the MLP's output."""
    if isinstance(spec, specs.MMoE):
        return multitask.MMoE(in_features, num_events, experts=spec.experts, width=spec.width)
    if isinstance(spec, specs.PLE):
        return multitask.PLE(
            in_features,
            num_events,
            shared=spec.shared,
            specific=spec.specific,
            layers=spec.layers,
            width=spec.width,
        )
    return multitask.SharedBottom(in_features, num_events)


def _build_one(
    spec: specs.Interaction, tokens: int, dim: int, num_sequences: int
) -> Interaction | None:
    match spec:
        case specs.Dot():
            return DotInteraction(tokens, dim)
        case specs.Cross():
            return CrossInteraction(tokens, dim, layers=spec.layers, rank=spec.rank)
        case specs.Wukong():
            return WukongLayer(
                tokens,
                dim,
                fm_tokens=spec.fm_tokens,
                lcb_tokens=spec.lcb_tokens,
                rank=spec.rank,
                hidden=spec.hidden,
            )
        case specs.Mask():
            return MaskBlocks(
                tokens,
                dim,
                blocks=spec.blocks,
                reduction=spec.reduction,
                tokens=spec.tokens,
                mode=spec.mode,
            )
        case specs.SENet():
            return SENetGate(tokens, dim, reduction=spec.reduction)
        case specs.Bilinear():
            if tokens == 1:
                return None
            return BilinearInteraction(
                tokens,
                dim,
                gate_reduction=spec.gate_reduction,
                kind=spec.form,
                tokens=spec.tokens,
            )
        case specs.TokenAttention():
            return SelfAttentionInteraction(tokens, dim, heads=spec.heads, layers=spec.layers)
        case specs.InterFormer():
            if num_sequences == 0:
                return None
            return InterFormerInteraction(
                tokens,
                dim,
                num_sequences=num_sequences,
                layers=spec.layers,
                heads=spec.heads,
                summary_tokens=spec.summary_tokens,
                recent=spec.recent,
            )
        case specs.Parallel() | specs.DHEN():
            built = [_build_one(member, tokens, dim, num_sequences) for member in spec.members]
            members = [member for member in built if member is not None]
            if not members:
                return None
            if isinstance(spec, specs.Parallel):
                return Parallel(tokens, dim, modules=members)
            return DHENLayer(tokens, dim, modules=members, tokens=spec.tokens)
