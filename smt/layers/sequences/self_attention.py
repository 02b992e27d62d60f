"""A transformer encoder over sequences of different lengths."""

import math

from torch import Tensor, nn

from smt.layers.jagged import Jagged, segment_softmax
from smt.layers.sequences.attention import all_partners, dot_scores, require_heads, weighted_sums


class SelfAttentionEncoder(nn.Module):
    """Pre-norm transformer blocks (arXiv:1706.03762, 2002.04745) and a last LayerNorm.

    Every step attends to all steps of its sequence: all are past. Positions are learned,
    and those past `max_length` share the last one's embedding.
    """

    def __init__(self, dim: int, *, layers: int, heads: int, max_length: int) -> None:
        super().__init__()
        self.positions = nn.Embedding(max_length, dim)
        self.blocks = nn.ModuleList(SelfAttentionBlock(dim, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, steps: Jagged, ages: Tensor | None = None) -> Jagged:
        """`[L, D]` steps -> `[L, D]` steps; ages are not read."""
        positions = steps.positions.clamp(max=self.positions.num_embeddings - 1)
        partners = all_partners(steps)
        values = steps.values + self.positions(positions)
        for block in self.blocks:
            values = block(values, partners)
        return steps.with_values(self.norm(values))


class SelfAttentionBlock(nn.Module):
    """x + Attention(LayerNorm(x)), then x + FFN(LayerNorm(x)); the FFN is four times as wide."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, values: Tensor, partners: Jagged) -> Tensor:
        """`[L, D]` -> `[L, D]`, each step attending to its partners."""
        values = values + self.attention(self.attention_norm(values), partners)
        fed: Tensor = values + self.feed_forward(values)
        return fed


class SelfAttention(nn.Module):
    """Multi-head softmax(q k^T / sqrt(d)) v among partners."""

    def __init__(self, dim: int, heads: int) -> None:
        require_heads(dim, heads)
        super().__init__()
        self.heads = heads
        # Queries, keys and values, in one product.
        self.project = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, values: Tensor, partners: Jagged) -> Tensor:
        """`[L, D]` -> `[L, D]`."""
        width = values.shape[1] // self.heads
        projected = self.project(values).chunk(3, dim=1)
        query, key, value = (part.reshape(-1, self.heads, width) for part in projected)
        scores = dot_scores(query / math.sqrt(width), key, partners)
        weights = segment_softmax(partners.with_values(scores))
        attended: Tensor = self.output(weighted_sums(weights, value, partners).flatten(1))
        return attended
