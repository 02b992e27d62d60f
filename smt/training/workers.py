"""The processes that train one network together, and what they tell each other."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Workers:
    """This process's place among the `count` that train one network together.

    Attributes:
        on_node: How many of them are on each node; None: all are on one.
    """

    rank: int
    count: int
    on_node: int | None = None


LOCAL = Workers(rank=0, count=1)


def all_finite(loss: Tensor, workers: Workers) -> bool:
    """Whether the loss is finite on every worker, so that all of them go on or none does."""
    finite = torch.isfinite(loss.detach()).to(torch.int32)
    if workers.count > 1:
        dist.all_reduce(finite, dist.ReduceOp.MIN)
    return bool(finite)


def total_counts(counts: Tensor, workers: Workers) -> Tensor:
    """Sums of `[N]` counts over the workers."""
    if workers.count > 1:
        counts = counts.clone()
        dist.all_reduce(counts)
    return counts


def total_weight(weights: Tensor, workers: Workers) -> Tensor:
    """Sum of a batch's weights; of several workers, their mean sum, as gradients are averaged.

    Above zero, so that a batch without weight teaches nothing instead of 0 / 0.
    """
    total = weights.sum()
    if workers.count > 1:
        dist.all_reduce(total)
        total /= workers.count
    return total.clamp(min=torch.finfo(total.dtype).tiny)


def gather_rows(rows: Tensor, *, workers: Workers) -> Tensor:
    """`[B, ...]` of every worker, one after the other."""
    rows = rows.contiguous()
    shares = [torch.empty_like(rows) for _ in range(workers.count)]
    dist.all_gather(shares, rows)
    return torch.cat(shares)
