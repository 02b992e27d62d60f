"""How often events followed earlier rows with the same id: target encoding, of the past only."""

import torch
from torch import Tensor, nn


class PastRatesToken(nn.Module):
    """Past event rates of K ids, as one token.

    For each id and event: the logit of (positives + prior_count * base) / (rows + prior_count),
    and the logarithm of 1 + rows, over the training rows before the batch. In training mode
    the batch is counted after it was read, so no row sees its own label; afterwards the
    counts stand still.

    Args:
        num_ids: Rows of each id's counts.
        num_events: E, the labels that are counted.
    """

    counts: Tensor
    positives: Tensor
    total: Tensor
    starts: Tensor

    def __init__(
        self, num_ids: list[int], num_events: int, *, prior_count: float, hidden: int, dim: int
    ) -> None:
        super().__init__()
        self.num_events = num_events
        self.prior_count = prior_count
        starts = [sum(num_ids[:place]) for place in range(len(num_ids))]
        self.register_buffer("starts", torch.tensor(starts).unsqueeze(1), persistent=False)
        self.register_buffer("counts", torch.zeros(sum(num_ids)))
        self.register_buffer("positives", torch.zeros(sum(num_ids), num_events))
        # Rows, then positives of each event: the base rates.
        self.register_buffer("total", torch.zeros(1 + num_events))
        width = len(num_ids) * (1 + num_events)
        self.normalise = nn.BatchNorm1d(width, affine=False, momentum=None)
        self.project = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, dim), nn.ReLU()
        )

    def forward(self, ids: Tensor, labels: Tensor | None) -> Tensor:
        """`[K, B]` ids and the `[B, E]` labels to count (None: only read) -> `[B, 1, D]`."""
        places = ids + self.starts
        rows = self.counts[places]
        base = (self.total[1:] + 1.0) / (self.total[0] + 2.0)
        rates = (self.positives[places] + self.prior_count * base) / (
            rows + self.prior_count
        ).unsqueeze(2)
        found = torch.cat([torch.logit(rates, eps=1e-6), rows.log1p().unsqueeze(2)], dim=2)
        encoded = self.normalise(found.transpose(0, 1).flatten(1))
        if self.training and labels is not None:
            self._count(places, labels[:, : self.num_events])
        token: Tensor = self.project(encoded)
        return token.unsqueeze(1)

    def _count(self, places: Tensor, labels: Tensor) -> None:
        flat = places.flatten()
        self.counts.index_add_(0, flat, torch.ones_like(flat, dtype=self.counts.dtype))
        self.positives.index_add_(0, flat, labels.repeat(len(places), 1))
        self.total += torch.cat([labels.new_tensor([float(len(labels))]), labels.sum(dim=0)])
