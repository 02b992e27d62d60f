"""Dot products of all pairs of tokens."""

from collections.abc import Callable
from typing import Any

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
    mirror: Tensor

    def __init__(self, num_tokens: int, dim: int) -> None:
        pairs = num_tokens * (num_tokens - 1) // 2
        product_tokens = -(-pairs // max(dim, 1))
        super().__init__(num_tokens, dim, 1 + product_tokens)
        self.padding = product_tokens * dim - pairs
        first, second = torch.triu_indices(num_tokens, num_tokens, offset=1)
        self.register_buffer("index", first * num_tokens + second, persistent=False)
        mirror = torch.zeros(num_tokens, num_tokens, dtype=torch.int64)
        mirror[first, second] = mirror[second, first] = torch.arange(pairs)
        self.register_buffer("mirror", mirror.flatten(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, 1 + ceil(F(F-1) / 2D), D]`."""
        if tokens.requires_grad and self.num_tokens > 1:
            flat = _flat(tokens, self.index, self.mirror, self.padding)
            return flat.view(-1, self.out_tokens, self.dim)
        shape = (tokens.shape[0], self.out_tokens - 1, self.dim)
        laid_out = pad(_products(tokens, self.index), (0, self.padding)).view(shape)
        return torch.cat([tokens[:, :1], laid_out], dim=1)


def _products(tokens: Tensor, index: Tensor) -> Tensor:
    """`[B, F, D]` tokens -> `[B, P]` products of the pairs at `index` of the `[F, F]` ones."""
    return torch.bmm(tokens, tokens.mT).flatten(1).index_select(1, index)


class _Flat(torch.autograd.Function):
    """The output, flattened, with a gradient of one batched product: that of pairs is symmetric.

    Left to autograd it is two, and a scatter into zeros as large as all pairs of a batch.
    """

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, index: Tensor, mirror: Tensor, padding: int) -> Tensor:
        """`[B, F, D]` -> `[B, D + P + padding]`; `mirror` is the pair at each `[F * F]` place."""
        products = _products(tokens, index)
        ctx.save_for_backward(tokens, mirror)
        ctx.half = products.dtype
        ctx.pairs = products.shape[1]
        return torch.cat([tokens[:, 0], products, products.new_zeros(len(products), padding)], 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """`[B, F, D]` from `[B, D + P + padding]`."""
        tokens, mirror = ctx.saved_tensors
        (gradient,) = gradients
        size, dim = tokens.shape[1:]
        of_first, of_pairs = gradient[:, :dim], gradient[:, dim : dim + ctx.pairs]
        of_products = of_pairs.index_select(1, mirror).view(-1, size, size)
        of_products.diagonal(dim1=1, dim2=2).zero_()
        # Under autocast the products are of half the width of the tokens.
        of_tokens = torch.bmm(of_products.to(ctx.half), tokens.to(ctx.half)).to(tokens.dtype)
        of_tokens[:, 0] += of_first
        return of_tokens, None, None, None


_flat: Callable[..., Tensor] = _Flat.apply
