"""Dot products of all pairs of tokens."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from smt.layers.interactions.interaction import Interaction


class DotInteraction(Interaction):
    """The first token and all F(F-1)/2 dot products of pairs (DLRM, arXiv:1906.00091).

    The products stand D a token, in the order of torchrec's `InteractionArch`; zeros fill the
    last token. Flattened, the output is DLRM's, and zeros.
    """

    index: Tensor

    def __init__(self, num_tokens: int, dim: int) -> None:
        pairs = num_tokens * (num_tokens - 1) // 2
        product_tokens = -(-pairs // max(dim, 1))
        super().__init__(num_tokens, dim, 1 + product_tokens)
        self.padding = product_tokens * dim - pairs
        first, second = torch.triu_indices(num_tokens, num_tokens, offset=1)
        self.register_buffer("index", first * num_tokens + second, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, 1 + ceil(F(F-1) / 2D), D]`."""
        products = torch.bmm(tokens, tokens.mT).flatten(1).index_select(1, self.index)
        shape = (tokens.shape[0], self.out_tokens - 1, self.dim)
        laid_out = pad(products, (0, self.padding)).view(shape)
        return torch.cat([tokens[:, :1], laid_out], dim=1)
