"""Attention among the steps of a sequence, over the pairs that exist and no others.

For each of the L steps, `partners` is the list of the steps that it attends to, as indices:
a `Jagged` of `[P]` int64 values and `[L + 1]` offsets, P pairs in all.
"""

import torch
from torch import Tensor

from smt.layers.jagged import Jagged, pairs, positions_of, segment_sum


def all_partners(steps: Jagged) -> Jagged:
    """Every step attends to all steps of its sequence."""
    _, second = pairs(steps.offsets, steps.values.shape[0])
    return Jagged(second, _offsets(steps.lengths[steps.rows]))


def older_partners(steps: Jagged) -> Jagged:
    """Every step attends to itself and to the older steps, which come after it."""
    counts = steps.lengths[steps.rows] - steps.positions
    first = torch.arange(counts.shape[0], device=counts.device).repeat_interleave(counts)
    offsets = _offsets(counts)
    return Jagged(first + positions_of(offsets, first.shape[0]), offsets)


def dot_scores(query: Tensor, key: Tensor, partners: Jagged) -> Tensor:
    """`[P, H]` dot products of each pair's query and key, of `[L, H, d]` each."""
    # A batched product, which torch's FlopCounterMode counts.
    return torch.einsum("phd,phd->ph", query[partners.rows], key[partners.values])


def weighted_sums(weights: Tensor, value: Tensor, partners: Jagged) -> Tensor:
    """`[L, H, d]`: each step's sum of its partners' values `[L, H, d]`, weighed by `[P, H]`."""
    weighted = weights.unsqueeze(2) * value[partners.values]
    return segment_sum(partners.with_values(weighted))


def require_heads(dim: int, heads: int) -> None:
    """Raise `ValueError` for heads that do not divide the width."""
    if heads < 1 or dim % heads:
        raise ValueError(f"'dim' must be a multiple of 'heads': {dim} is none of {heads}")


def _offsets(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
