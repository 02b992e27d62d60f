"""Products with masks that the example itself gives."""

from typing import Literal

import torch
from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction


class MaskBlocks(Interaction):
    """Blocks ReLU(LN(W(mask * input))) with instance-guided masks (MaskNet, arXiv:2102.07619).

    Every block's mask is W2 ReLU(W1 V + b1) + b2 of the flattened tokens V, with a hidden
    layer `reduction` times as wide as the mask. A block gives `tokens` tokens. In series, the
    first block's input is the tokens, each under one LayerNorm, and every other's is the
    block before it; in parallel all blocks have the first kind and stand side by side.
    """

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        *,
        blocks: int,
        reduction: float,
        tokens: int,
        mode: Literal["serial", "parallel"],
    ) -> None:
        super().__init__(num_tokens, dim, tokens if mode == "serial" else blocks * tokens)
        self.serial = mode == "serial"
        self.norm = nn.LayerNorm(dim)
        width = num_tokens * dim
        self.blocks = nn.ModuleList(
            MaskBlock(
                width,
                in_features=tokens * dim if self.serial and number else width,
                out_features=tokens * dim,
                reduction=reduction,
            )
            for number in range(blocks)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, tokens, D]`, or `[B, blocks * tokens, D]` in parallel."""
        guide = tokens.flatten(1)
        hidden: Tensor = self.norm(tokens).flatten(1)
        if self.serial:
            for block in self.blocks:
                hidden = block(hidden, guide)
        else:
            hidden = torch.cat([block(hidden, guide) for block in self.blocks], dim=1)
        return hidden.view(-1, self.out_tokens, self.dim)


class MaskBlock(nn.Module):
    """One block: ReLU(LN(W(mask(guide) * inputs)))."""

    def __init__(
        self, guide_features: int, *, in_features: int, out_features: int, reduction: float
    ) -> None:
        super().__init__()
        between = max(1, round(reduction * in_features))
        self.mask = nn.Sequential(
            nn.Linear(guide_features, between), nn.ReLU(), nn.Linear(between, in_features)
        )
        # The norm takes off what a bias would add to all.
        self.project = nn.Linear(in_features, out_features, bias=False)
        self.norm = nn.LayerNorm(out_features)

    def forward(self, inputs: Tensor, guide: Tensor) -> Tensor:
        """`[B, in_features]` under a mask from `[B, guide_features]` -> `[B, out_features]`."""
        return torch.relu(self.norm(self.project(self.mask(guide) * inputs)))
