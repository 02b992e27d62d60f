"""Tokens and sequences that learn from each other, layer by layer (InterFormer)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.token_linear import TokenLinear
from smt.layers.jagged import Jagged, segment_softmax, segment_sum
from smt.layers.sequences.attention import all_partners, require_heads
from smt.layers.sequences.self_attention import SelfAttentionBlock


class InterFormerInteraction(Interaction):
    """InterFormer-like layers (arXiv:2411.09852): tokens X and sequences S, both ways.

    In each layer summaries of the sequences join the tokens' interaction, and a summary of
    the tokens personalises the sequences. The output is the last tokens and the summaries of
    the last sequences: F + num_sequences * (summary_tokens + 1) tokens.

    Where this is simpler than the paper: the interaction is a linear layer over tokens and a
    feed-forward one (the paper plugs in DCN-V2, DHEN and the like); the sequences stay apart
    (the paper merges them with a MaskNet) and have no CLS tokens; the personalised
    feed-forward gates its hidden layer (the paper makes its weights); attention has no
    rotary positions: steps tell their age themselves.
    """

    reads_sequences = True

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        *,
        num_sequences: int,
        layers: int,
        heads: int,
        summary_tokens: int,
        recent: int,
    ) -> None:
        """Make the layers.

        Args:
            heads: Of the attention in summaries and in sequences.
            summary_tokens: Learned queries a sequence, and tokens that summarise the tokens.
            recent: How many of the latest steps have their mean in a summary.

        Raises:
            ValueError: `heads` does not divide `dim`.
        """
        require_heads(dim, heads)
        super().__init__(num_tokens, dim, num_tokens + num_sequences * (summary_tokens + 1))
        self.num_sequences = num_sequences
        self.layers = nn.ModuleList(
            InterFormerLayer(
                num_tokens,
                dim,
                num_sequences=num_sequences,
                heads=heads,
                summary_tokens=summary_tokens,
                recent=recent,
            )
            for _ in range(layers)
        )
        self.last = SequenceSummaries(
            num_sequences, dim, heads=heads, summary_tokens=summary_tokens, recent=recent
        )

    def forward(self, tokens: Tensor, sequences: Sequence[Jagged]) -> Tensor:
        """`[B, F, D]` with `num_sequences` lists of `[L, D]` steps -> `[B, out_tokens, D]`.

        Raises:
            ValueError: There are more or fewer sequences than at the making.
        """
        if len(sequences) != self.num_sequences:
            raise ValueError(f"expected {self.num_sequences} sequences, got {len(sequences)}")
        partners = [all_partners(steps) for steps in sequences]
        for layer in self.layers:
            tokens, sequences = layer(tokens, sequences, partners)
        return torch.cat([tokens, self.last(sequences)], dim=1)


class InterFormerLayer(nn.Module):
    """X' = mix(X, S_sum) and S' = block(S, X_sum), each from the layer below."""

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        *,
        num_sequences: int,
        heads: int,
        summary_tokens: int,
        recent: int,
    ) -> None:
        super().__init__()
        self.summaries = SequenceSummaries(
            num_sequences, dim, heads=heads, summary_tokens=summary_tokens, recent=recent
        )
        summarised = num_sequences * (summary_tokens + 1)
        self.mixer = TokenMixer(num_tokens, num_tokens + summarised, dim)
        self.context = TokenSummary(num_tokens, summary_tokens, dim)
        self.blocks = nn.ModuleList(
            PersonalisedBlock(dim, summary_tokens * dim, heads) for _ in range(num_sequences)
        )

    def forward(
        self, tokens: Tensor, sequences: Sequence[Jagged], partners: Sequence[Jagged]
    ) -> tuple[Tensor, list[Jagged]]:
        """`[B, F, D]` and lists of `[L, D]` steps with their partners -> the same shapes."""
        context = self.context(tokens)
        personalised = [
            block(steps, pairs, context)
            for block, steps, pairs in zip(self.blocks, sequences, partners, strict=True)
        ]
        return self.mixer(tokens, self.summaries(sequences)), personalised


class SequenceSummaries(nn.Module):
    """The summaries of several sequences, one after the other."""

    def __init__(
        self, num_sequences: int, dim: int, *, heads: int, summary_tokens: int, recent: int
    ) -> None:
        super().__init__()
        self.each = nn.ModuleList(
            SequenceSummary(dim, heads=heads, summary_tokens=summary_tokens, recent=recent)
            for _ in range(num_sequences)
        )

    def forward(self, sequences: Sequence[Jagged]) -> Tensor:
        """Lists of `[L, D]` steps -> `[B, num_sequences * (summary_tokens + 1), D]`."""
        summaries = [summary(steps) for summary, steps in zip(self.each, sequences, strict=True)]
        return torch.cat(summaries, dim=1)


class SequenceSummary(nn.Module):
    """S_sum: attention by learned queries and the mean of the latest steps, each gated.

    The attention is pooling by multi-head attention (PMA, arXiv:1810.00825) without its
    residual and feed-forward layers. An empty sequence's summary is zero.
    """

    def __init__(self, dim: int, *, heads: int, summary_tokens: int, recent: int) -> None:
        super().__init__()
        self.heads = heads
        self.recent = recent
        self.queries = nn.Embedding(summary_tokens, dim)
        # Keys and values, in one product.
        self.project = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim, bias=False)
        self.gate = nn.Linear(dim, dim)

    def forward(self, steps: Jagged) -> Tensor:
        """`[L, D]` steps -> `[B, summary_tokens + 1, D]`."""
        summary = torch.cat([self._attend(steps), self._latest(steps).unsqueeze(1)], dim=1)
        gated: Tensor = summary * torch.sigmoid(self.gate(summary))
        return gated

    def _attend(self, steps: Jagged) -> Tensor:
        by_head = (-1, self.heads, steps.values.shape[1] // self.heads)
        query = self.queries.weight.view(by_head) / math.sqrt(by_head[2])
        key, value = (half.reshape(by_head) for half in self.project(steps.values).chunk(2, dim=1))
        scores = torch.einsum("lhd,thd->lth", key, query)
        weights = segment_softmax(steps.with_values(scores))
        weighted = weights.unsqueeze(3) * value.unsqueeze(1)
        attended: Tensor = self.output(segment_sum(steps.with_values(weighted)).flatten(2))
        return attended

    def _latest(self, steps: Jagged) -> Tensor:
        latest = (steps.positions < self.recent).to(steps.values.dtype).unsqueeze(1)
        counts = steps.lengths.clamp(1, self.recent).to(steps.values.dtype).unsqueeze(1)
        return segment_sum(steps.with_values(steps.values * latest)) / counts


class TokenSummary(nn.Module):
    """X_sum: tokens under a mask of their own, X * sigmoid(W X), reduced to a few."""

    def __init__(self, num_tokens: int, summary_tokens: int, dim: int) -> None:
        super().__init__()
        self.mask = nn.Linear(dim, dim)
        self.compress = TokenLinear(num_tokens, summary_tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, F, D]` -> `[B, summary_tokens * D]`."""
        compressed: Tensor = self.compress(tokens * torch.sigmoid(self.mask(tokens)))
        return compressed.flatten(1)


class TokenMixer(nn.Module):
    """LayerNorm(X + FFN(M [X; S_sum])), M over tokens, the FFN over D, four times as wide."""

    def __init__(self, num_tokens: int, mixed_tokens: int, dim: int) -> None:
        super().__init__()
        self.mix = TokenLinear(mixed_tokens, num_tokens)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, summaries: Tensor) -> Tensor:
        """`[B, F, D]` with `[B, mixed_tokens - F, D]` -> `[B, F, D]`."""
        mixed = self.mix(torch.cat([tokens, summaries], dim=1))
        normed: Tensor = self.norm(tokens + self.feed_forward(mixed))
        return normed


class PersonalisedBlock(nn.Module):
    """A feed-forward layer under a gate from the example's context, then self-attention.

    s + W2(ReLU(W1 LayerNorm(s)) * sigmoid(W context)), then a transformer block.
    """

    def __init__(self, dim: int, context_features: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.enter = nn.Linear(dim, dim)
        self.gate = nn.Linear(context_features, dim)
        self.leave = nn.Linear(dim, dim)
        self.block = SelfAttentionBlock(dim, heads)

    def forward(self, steps: Jagged, partners: Jagged, context: Tensor) -> Jagged:
        """`[L, D]` steps with their partners and `[B, context_features]` -> `[L, D]` steps."""
        hidden = torch.relu(self.enter(self.norm(steps.values)))
        gates = torch.sigmoid(self.gate(context))[steps.rows]
        values = steps.values + self.leave(hidden * gates)
        return steps.with_values(self.block(values, partners))
