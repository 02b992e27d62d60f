"""Lists of different lengths, one after the other, without padding.

Everything here is plain torch over `[L]` or `[L, D]` values and `[B + 1]` offsets, so that it
differentiates, exports and runs on any device, and costs what the lists hold and no more.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


class Jagged(NamedTuple):
    """B lists: list b is `values[offsets[b] : offsets[b + 1]]`.

    Attributes:
        values: `[L, ...]`, all lists one after the other.
        offsets: `[B + 1]` int64, from 0 to L.
    """

    values: Tensor
    offsets: Tensor

    @property
    def lengths(self) -> Tensor:
        """`[B]` int64."""
        return self.offsets.diff()

    @property
    def rows(self) -> Tensor:
        """`[L]` int64: the list that each value is in."""
        return rows_of(self.offsets, self.values.shape[0])

    @property
    def positions(self) -> Tensor:
        """`[L]` int64: each value's place in its list, from 0."""
        return positions_of(self.offsets, self.values.shape[0])

    def with_values(self, values: Tensor) -> "Jagged":
        """Other values in the same lists."""
        return Jagged(values, self.offsets)


def rows_of(offsets: Tensor, total: int) -> Tensor:
    """`[L]` int64: the list that each of `total` values is in."""
    lists = torch.arange(offsets.shape[0] - 1, device=offsets.device)
    return lists.repeat_interleave(offsets.diff(), output_size=total)


def positions_of(offsets: Tensor, total: int) -> Tensor:
    """`[L]` int64: each value's place in its list, from 0."""
    return torch.arange(total, device=offsets.device) - offsets[rows_of(offsets, total)]


def end_to_end(groups: Sequence[Jagged]) -> Jagged:
    """The lists of several groups, one group after the other."""
    values = torch.cat([group.values for group in groups])
    offsets = groups[0].offsets
    if all(group.offsets is offsets for group in groups):
        # As of features with one id an example each: no operation a group.
        starts = torch.arange(len(groups), device=offsets.device) * groups[0].values.shape[0]
        parts = [(starts.unsqueeze(1) + offsets[:-1]).flatten()]
    else:
        ends = accumulate((group.values.shape[0] for group in groups), initial=0)
        parts = [group.offsets[:-1] + start for group, start in zip(groups, ends, strict=False)]
    return Jagged(values, torch.cat([*parts, offsets.new_tensor([values.shape[0]])]))


def truncate(lists: Jagged, max_length: int) -> tuple[Jagged, Tensor]:
    """The first `max_length` values of every list, and the `[L]` mask of what is kept."""
    kept = lists.positions < max_length
    lengths = lists.lengths.clamp(max=max_length)
    offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    return Jagged(lists.values[kept], offsets), kept


def segment_sum(lists: Jagged) -> Tensor:
    """`[B, ...]`: the sum of each list; zero where it is empty."""
    size = (lists.offsets.shape[0] - 1, *lists.values.shape[1:])
    return lists.values.new_zeros(size).index_add(0, lists.rows, lists.values)


def segment_mean(lists: Jagged) -> Tensor:
    """`[B, D]`: the mean of each list of `[L, D]` values; zero where it is empty."""
    counts = lists.lengths.clamp(min=1).to(lists.values.dtype)
    return segment_sum(lists) / counts.unsqueeze(1)


def segment_softmax(scores: Jagged) -> Tensor:
    """`[L, ...]`: softmax of the scores within each list."""
    rows = scores.rows
    size = (scores.offsets.shape[0] - 1, *scores.values.shape[1:])
    index = rows.view(-1, *[1] * (scores.values.dim() - 1)).expand_as(scores.values)
    # For stability only: a constant, so no gradient passes.
    detached = scores.values.detach()
    largest = detached.new_zeros(size)
    largest = largest.scatter_reduce(0, index, detached, "amax", include_self=False)
    exponents = (scores.values - largest[rows]).exp()
    totals = exponents.new_zeros(size).index_add(0, rows, exponents)
    return exponents / totals[rows]


def pairs(offsets: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """All ordered pairs of values of one list, of all B lists: sum of squared lengths, P.

    Returns:
        `first` and `second`, `[P]` int64 indices of values, ordered by list, first, second.
    """
    rows = rows_of(offsets, total)
    # Value i meets every value of its list: `lengths[row]` pairs.
    partners = offsets.diff()[rows]
    first = torch.arange(total, device=offsets.device).repeat_interleave(partners)
    starts = torch.cat([partners.new_zeros(1), partners.cumsum(0)])[:-1]
    place = torch.arange(first.shape[0], device=offsets.device) - starts[first]
    return first, offsets[rows[first]] + place
