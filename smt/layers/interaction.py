"""How tokens of features meet: `[B, F, D]` in, `[B, out_features]` out."""

import torch
from torch import Tensor, nn
from torchrec.models.dlrm import InteractionArch
from torchrec.modules.crossnet import LowRankCrossNet


class DotInteraction(nn.Module):
    """The first token and all F(F-1)/2 dot products of pairs (DLRM, arXiv:1906.00091)."""

    def __init__(self, num_tokens: int, dim: int) -> None:
        super().__init__()
        self.pairs = InteractionArch(num_tokens - 1)
        self.out_features = dim + num_tokens * (num_tokens - 1) // 2

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, D + F(F-1)/2]`."""
        interacted: Tensor = self.pairs(tokens[:, 0], tokens[:, 1:])
        return interacted


class CrossInteraction(nn.Module):
    """Low-rank cross layers on the concatenated tokens (DCN-V2, arXiv:2008.13535, Eq. 2)."""

    def __init__(self, num_tokens: int, dim: int, *, layers: int, rank: int) -> None:
        super().__init__()
        self.out_features = num_tokens * dim
        self.cross = LowRankCrossNet(self.out_features, num_layers=layers, low_rank=rank)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F * D]`."""
        crossed: Tensor = self.cross(tokens.flatten(1))
        return crossed


class ParallelInteractions(nn.Module):
    """Several interactions of the same tokens, side by side."""

    def __init__(self, interactions: list[DotInteraction | CrossInteraction]) -> None:
        super().__init__()
        self.interactions = nn.ModuleList(interactions)
        self.out_features = sum(each.out_features for each in interactions)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, out_features]`, the outputs one after the other."""
        return torch.cat([each(tokens) for each in self.interactions], dim=1)
