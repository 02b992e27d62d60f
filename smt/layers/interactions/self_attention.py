"""Tokens that attend to each other."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from smt.layers.interactions.interaction import Interaction
from smt.layers.sequences.attention import require_heads


class SelfAttentionInteraction(Interaction):
    """Layers of multi-head self-attention over tokens (AutoInt, arXiv:1810.11921)."""

    def __init__(self, num_tokens: int, dim: int, *, heads: int, layers: int) -> None:
        super().__init__(num_tokens, dim, num_tokens)
        require_heads(dim, heads)
        self.attend = nn.Sequential(*[SelfAttention(dim, heads) for _ in range(layers)])

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F, D]`."""
        attended: Tensor = self.attend(tokens)
        return attended


class SelfAttention(nn.Module):
    """ReLU(concat over heads of softmax(q k^T) v + W_res e); AutoInt does not scale q k^T."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # Queries, keys, values and the residual, in one product.
        self.project = nn.Linear(dim, 4 * dim, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, F, D]`."""
        shape = (-1, tokens.shape[1], self.heads, tokens.shape[2] // self.heads)
        *by_head, residual = self.project(tokens).chunk(4, dim=2)
        query, key, value = (part.reshape(shape).transpose(1, 2) for part in by_head)
        attended = scaled_dot_product_attention(query, key, value, scale=1.0)
        return torch.relu(attended.transpose(1, 2).flatten(2) + residual)
