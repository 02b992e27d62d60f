"""Hierarchical sequential transduction units (HSTU, arXiv:2402.17152)."""

from torch import Tensor, nn
from torch.nn.functional import silu

from smt.layers.jagged import Jagged
from smt.layers.sequences.attention import dot_scores, older_partners, require_heads, weighted_sums
from smt.layers.sequences.steps import time_bucket


class HSTUEncoder(nn.Module):
    """Layers of HSTU; a step attends to itself and to older steps.

    Where the log has no times, or `time_buckets` is None, only relative positions bias the
    attention.
    """

    def __init__(
        self, dim: int, *, layers: int, heads: int, max_length: int, time_buckets: int | None
    ) -> None:
        super().__init__()
        self.max_length = max_length
        self.time_buckets = time_buckets
        self.layers = nn.ModuleList(
            HSTULayer(dim, heads=heads, max_length=max_length, time_buckets=time_buckets)
            for _ in range(layers)
        )

    def forward(self, steps: Jagged, ages: Tensor | None = None) -> Jagged:
        """`[L, D]` steps -> `[L, D]` steps.

        Args:
            ages: `[L]` seconds between each step and the impression.
        """
        partners = older_partners(steps)
        first, second = partners.rows, partners.values
        distances = (second - first).clamp(max=self.max_length - 1)
        gaps = None
        if self.time_buckets is not None and ages is not None:
            gaps = time_bucket((ages[second] - ages[first]).abs(), self.time_buckets)
        lengths = steps.lengths[steps.rows]
        values = steps.values
        for layer in self.layers:
            values = layer(values, lengths, partners, distances, gaps)
        return steps.with_values(values)


class HSTULayer(nn.Module):
    """x + f2(LayerNorm(A V) * U) with A V = SiLU(Q K^T + rab) V / n (Eq. 1 to 3).

    U, V, Q, K are the split of SiLU(f1(LayerNorm(x))); n is the sequence's length, where the
    authors' code takes the longest of the batch, so that a sequence's result is its own. The
    bias rab has a weight a head for each relative position and each relative time bucket.
    """

    def __init__(self, dim: int, *, heads: int, max_length: int, time_buckets: int | None) -> None:
        require_heads(dim, heads)
        super().__init__()
        self.heads = heads
        self.input_norm = nn.LayerNorm(dim)
        self.project = nn.Linear(dim, 4 * dim)
        self.position_bias = nn.Embedding(max_length, heads)
        self.time_bias = None if time_buckets is None else nn.Embedding(time_buckets, heads)
        self.attended_norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self,
        values: Tensor,
        lengths: Tensor,
        partners: Jagged,
        distances: Tensor,
        gaps: Tensor | None,
    ) -> Tensor:
        """`[L, D]` -> `[L, D]`.

        Args:
            lengths: `[L]` the length of each step's sequence.
            distances: `[P]` int64 relative positions of the pairs.
            gaps: `[P]` int64 buckets of the times between the pairs.
        """
        by_head = (-1, self.heads, values.shape[1] // self.heads)
        gate, *projected = silu(self.project(self.input_norm(values))).chunk(4, dim=1)
        value, query, key = (part.reshape(by_head) for part in projected)
        scores = dot_scores(query, key, partners) + self.position_bias(distances)
        if self.time_bias is not None and gaps is not None:
            scores = scores + self.time_bias(gaps)
        attended = weighted_sums(silu(scores), value, partners).flatten(1)
        attended = attended / lengths.to(values.dtype).unsqueeze(1)
        transduced: Tensor = values + self.output(self.attended_norm(attended) * gate)
        return transduced
