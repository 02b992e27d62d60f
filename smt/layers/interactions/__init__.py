"""How tokens of features meet: `[B, F, D]` in, `[B, out_tokens, D]` out."""

from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.gate import BilinearInteraction, BilinearPairs, SENetGate
from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.interformer import InterFormerInteraction
from smt.layers.interactions.mask import MaskBlocks
from smt.layers.interactions.self_attention import SelfAttentionInteraction
from smt.layers.interactions.stack import Parallel, Stack
from smt.layers.interactions.wukong import WukongLayer

__all__ = [
    "BilinearInteraction",
    "BilinearPairs",
    "CrossInteraction",
    "DHENLayer",
    "DotInteraction",
    "InterFormerInteraction",
    "Interaction",
    "MaskBlocks",
    "Parallel",
    "SENetGate",
    "SelfAttentionInteraction",
    "Stack",
    "WukongLayer",
]
