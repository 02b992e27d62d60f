"""Cross layers."""

from torch import Tensor
from torchrec.modules.crossnet import CrossNet, LowRankCrossNet

from smt.layers.interactions.interaction import Interaction


class CrossInteraction(Interaction):
    """x_{l+1} = x_0 * (W_l x_l + b_l) + x_l on the flattened tokens (DCN-V2, arXiv:2008.13535).

    W_l is a full matrix, Eq. 1, or of a given rank, Eq. 2.
    """

    def __init__(self, num_tokens: int, dim: int, *, layers: int, rank: int | None) -> None:
        super().__init__(num_tokens, dim, num_tokens)
        width = num_tokens * dim
        self.cross: CrossNet | LowRankCrossNet
        if rank is None:
            self.cross = CrossNet(width, num_layers=layers)
        else:
            self.cross = LowRankCrossNet(width, num_layers=layers, low_rank=rank)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F, D]`."""
        crossed: Tensor = self.cross(tokens.flatten(1))
        return crossed.view(-1, self.num_tokens, self.dim)
