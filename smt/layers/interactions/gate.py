"""Gates on tokens, and bilinear products of pairs (FiBiNET, arXiv:1905.09433)."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.token_linear import TokenLinear


class SENetGate(Interaction):
    """Each token times a weight: ReLU(W2 ReLU(W1 z)) of the tokens' means z (Section 3.2).

    W1 goes from F to F / reduction, at least 1.
    """

    def __init__(self, num_tokens: int, dim: int, *, reduction: int) -> None:
        super().__init__(num_tokens, dim, num_tokens)
        reduced = max(1, num_tokens // reduction)
        self.excite = nn.Sequential(
            nn.Linear(num_tokens, reduced, bias=False),
            nn.ReLU(),
            nn.Linear(reduced, num_tokens, bias=False),
            nn.ReLU(),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F, D]`."""
        weights: Tensor = self.excite(tokens.mean(dim=2))
        return tokens * weights.unsqueeze(2)


class BilinearPairs(Interaction):
    """(v_i W) * v_j, elementwise, of all pairs i < j (Section 3.3).

    One W for all tokens, or one for each left token v_i.
    """

    def __init__(self, num_tokens: int, dim: int, *, form: Literal["all", "each"]) -> None:
        super().__init__(num_tokens, dim, num_tokens * (num_tokens - 1) // 2)
        # The last token is no pair's left.
        self.left = (
            nn.Linear(dim, dim, bias=False)
            if form == "all"
            else LinearPerToken(num_tokens - 1, dim)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F(F-1)/2, D]`."""
        left = self.left(tokens[:, :-1])
        # A slice for each left token: half the time of two gathers of all pairs.
        products = [left[:, i : i + 1] * tokens[:, i + 1 :] for i in range(self.num_tokens - 1)]
        return torch.cat(products, dim=1)


class LinearPerToken(nn.Module):
    """A matrix `[D, D]` of its own for each token."""

    def __init__(self, num_tokens: int, dim: int) -> None:
        super().__init__()
        self.bound = 1 / math.sqrt(dim)
        drawn = torch.empty(num_tokens, dim, dim).uniform_(-self.bound, self.bound)
        self.weight = nn.Parameter(drawn)

    def initialize_parameters(self, generator_of: Callable[[str], torch.Generator]) -> None:
        """Draw each matrix as a linear layer's: uniform within 1/sqrt(D)."""
        drawn = torch.empty(self.weight.shape)
        drawn.uniform_(-self.bound, self.bound, generator=generator_of("weight"))
        self.weight.data.copy_(drawn)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F, D]`."""
        return torch.einsum("bfd,fde->bfe", tokens, self.weight)


class BilinearInteraction(Interaction):
    """Bilinear products of the tokens and of the gated tokens, to `tokens` tokens.

    The two have weights of their own. The paper hands all F(F-1) products to its MLP; here a
    linear layer over tokens reduces them, or what follows would grow with the square of F.
    """

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        *,
        gate_reduction: int,
        form: Literal["all", "each"],
        tokens: int,
    ) -> None:
        super().__init__(num_tokens, dim, tokens)
        self.gate = SENetGate(num_tokens, dim, reduction=gate_reduction)
        self.plain_pairs = BilinearPairs(num_tokens, dim, form=form)
        self.gated_pairs = BilinearPairs(num_tokens, dim, form=form)
        self.compress = TokenLinear(2 * self.plain_pairs.out_tokens, tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, tokens, D]`."""
        products = [self.plain_pairs(tokens), self.gated_pairs(self.gate(tokens))]
        compressed: Tensor = self.compress(torch.cat(products, dim=1))
        return compressed
