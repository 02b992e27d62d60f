"""From the specs of an architecture to its modules."""

from collections.abc import Callable, Sequence

from torch import nn

from smt.layers import mlp, multitask
from smt.layers.interactions import stack
from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.gate import BilinearInteraction, SENetGate
from smt.layers.interactions.interaction import Interaction as Layer
from smt.layers.interactions.interformer import InterFormerInteraction
from smt.layers.interactions.mask import MaskBlocks
from smt.layers.interactions.self_attention import SelfAttentionInteraction
from smt.layers.interactions.wukong import WukongLayer
from smt.spec import Spec
from smt.template.architecture import (
    DHEN,
    PLE,
    Bilinear,
    Cross,
    Dot,
    InteractionSpec,
    InterFormer,
    Mask,
    MMoE,
    Parallel,
    PlainMLP,
    ResidualMLP,
    SENet,
    SharedBottom,
    TokenAttention,
    Wukong,
    sizes,
)

# Spec -> what it stands for, called with tokens and their width, then the spec's fields by name.
INTERACTIONS: dict[type[InteractionSpec], Callable[..., Layer]] = {
    Dot: DotInteraction,
    Cross: CrossInteraction,
    Wukong: WukongLayer,
    Mask: MaskBlocks,
    SENet: SENetGate,
    Bilinear: BilinearInteraction,
    TokenAttention: SelfAttentionInteraction,
}
# Spec -> what it stands for, called with sizes of its place, then the spec's fields by name.
MODULES: dict[type[Spec], Callable[..., nn.Module]] = {
    PlainMLP: mlp.MLP,
    ResidualMLP: mlp.ResidualMLP,
    SharedBottom: multitask.SharedBottom,
    MMoE: multitask.MMoE,
    PLE: multitask.PLE,
}


def build_interaction(
    spec: InteractionSpec, tokens: int, dim: int, num_sequences: int
) -> Layer | None:
    """The module that takes `tokens` tokens; None where it would have nothing to do.

    Raises:
        ValueError: Sizes do not fit, such as heads that do not divide `dim`.
    """
    if isinstance(spec, Parallel):
        members = _build_members(spec.members, tokens, dim, num_sequences)
        return stack.Parallel(tokens, dim, modules=members) if members else None
    if isinstance(spec, DHEN):
        members = _build_members(spec.members, tokens, dim, num_sequences)
        return DHENLayer(tokens, dim, modules=members, tokens=spec.tokens) if members else None
    if isinstance(spec, InterFormer):
        if num_sequences == 0:
            return None
        return InterFormerInteraction(tokens, dim, num_sequences=num_sequences, **sizes(spec))
    # A single token has no pairs.
    if isinstance(spec, Bilinear) and tokens == 1:
        return None
    return INTERACTIONS[type(spec)](tokens, dim, **sizes(spec))


def build_module(spec: Spec, *places: int) -> nn.Module:
    """The MLP, or how events share what it finds, at a place of these sizes."""
    return MODULES[type(spec)](*places, **sizes(spec))


def _build_members(
    specs: Sequence[InteractionSpec], tokens: int, dim: int, num_sequences: int
) -> list[Layer]:
    built = [build_interaction(spec, tokens, dim, num_sequences) for spec in specs]
    return [member for member in built if member is not None]
