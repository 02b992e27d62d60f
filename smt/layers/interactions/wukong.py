"""Stacked factorization machines."""

import torch
from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.token_linear import TokenLinear
from smt.layers.mlp import MLP


class WukongLayer(Interaction):
    """LN(concat(FMB(X), LCB(X)) + X) (Wukong, arXiv:2403.02545).

    FMB(X) = reshape(MLP(LN(flatten(X X^T Y)))), the optimised factorization machine with a
    learned Y `[F, rank]`, and LCB(X) = W_L X. The MLP ends in a linear layer. Where the counts
    of tokens differ the residual is a linear layer over tokens of X.
    """

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        *,
        fm_tokens: int,
        lcb_tokens: int,
        rank: int,
        hidden: tuple[int, ...],
    ) -> None:
        super().__init__(num_tokens, dim, fm_tokens + lcb_tokens)
        self.fm_tokens = fm_tokens
        self.project = TokenLinear(num_tokens, rank)
        self.fm_norm = nn.LayerNorm(num_tokens * rank)
        mlp = MLP(num_tokens * rank, hidden)
        self.fm = nn.Sequential(mlp, nn.Linear(mlp.out_features, fm_tokens * dim))
        self.lcb = TokenLinear(num_tokens, lcb_tokens)
        same = num_tokens == self.out_tokens
        self.residual = nn.Identity() if same else TokenLinear(num_tokens, self.out_tokens)
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, fm_tokens + lcb_tokens, D]`."""
        # X (X^T Y): F * D * rank products, where X X^T first would cost F * F * D.
        products = torch.bmm(tokens, self.project(tokens).mT)
        fm = self.fm(self.fm_norm(products.flatten(1))).view(-1, self.fm_tokens, self.dim)
        interacted = torch.cat([fm, self.lcb(tokens)], dim=1)
        normed: Tensor = self.norm(interacted + self.residual(tokens))
        return normed
