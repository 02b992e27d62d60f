"""A linear layer from tokens to tokens."""

from torch import Tensor, nn


class TokenLinear(nn.Linear):
    """Each output token is a weighted sum of the input tokens: one weight a pair of tokens."""

    def __init__(self, num_tokens: int, out_tokens: int) -> None:
        super().__init__(num_tokens, out_tokens, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, out_tokens, D]`."""
        return super().forward(tokens.mT).mT
