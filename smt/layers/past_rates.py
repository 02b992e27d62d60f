"""How often events followed earlier rows with the same id: target encoding, of the past only."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from smt.layers.event_losses import EventLosses
from smt.layers.mlp import MLP
from smt.layers.moments import own_rows


class PastRatesToken(nn.Module):
    """Past event rates of K ids, as one token.

    For each id and event: the logit of (positives + prior_count * base) / (rows + prior_count)
    less that of the base rate (of a value: the log of its mean less that of all rows' mean), and
    the share of the rows in this estimate, over the training rows before the batch. In training
    mode the batch is counted after it was read, so no row sees its own label; afterwards the
    counts stand still. Nothing is normalised: statistics of the counts' early days would not fit
    their late ones.

    Args:
        num_ids: Rows of each id's counts.
        losses: Of the E events whose labels are counted.
    """

    counts: Tensor
    starts: Tensor

    def __init__(
        self,
        num_ids: list[int],
        losses: EventLosses,
        *,
        prior_count: float,
        hidden: int,
        dim: int,
    ) -> None:
        super().__init__()
        self.losses = losses
        self.num_events = num_events = len(losses.kinds)
        self.prior_count = prior_count
        # From the rows of a batch to those that are counted: of all workers, with several.
        self.gather: Callable[[Tensor], Tensor] = own_rows
        starts = [sum(num_ids[:place]) for place in range(len(num_ids) + 1)]
        self.register_buffer("starts", torch.tensor(starts[:-1]).unsqueeze(1), persistent=False)
        # Rows, then the sum of each event's labels, of every id; last, those of all rows. In
        # double precision: in single, a count stops at 2^24 rows, and positives go on.
        shape = (starts[-1] + 1, 1 + num_events)
        self.register_buffer("counts", torch.zeros(shape, dtype=torch.float64))
        self.project = MLP(len(num_ids) * (1 + num_events), (hidden, dim))

    def forward(self, ids: Tensor, labels: Tensor | None) -> Tensor:
        """`[K, B]` ids and the `[B, E]` labels to count (None: only read) -> `[B, 1, D]`."""
        places = ids + self.starts
        encoded = self.encode(places)
        if self.training and labels is not None:
            self._count(places, labels[:, : self.num_events])
        token: Tensor = self.project(encoded)
        return token.unsqueeze(1)

    def encode(self, places: Tensor) -> Tensor:
        """`[K, B]` places of ids in the counts -> `[B, K (1 + E)]`: lifts, then the share."""
        # Single precision from here on, as networks are: of a sum, that rounds the last digit.
        own, overall = self.counts[places].float(), self.counts[-1].float()
        rows, positives = torch.split(own, [1, self.num_events], dim=2)
        total, happened = torch.split(overall, [1, self.num_events])
        base = self.losses.prior(happened, total)
        rates = (positives + self.prior_count * base) / (rows + self.prior_count)
        lifts = self.losses.lifts(rates, base)
        encoded = torch.cat([lifts, rows / (rows + self.prior_count)], dim=2)
        return encoded.transpose(0, 1).flatten(1)

    def forget(self) -> None:
        """Count from nothing, so that a further pass sees no label that is still to come."""
        self.counts.zero_()

    def _count(self, places: Tensor, labels: Tensor) -> None:
        places, labels = self.gather(places.T).T, self.gather(labels)
        entries = torch.cat([torch.ones_like(labels[:, :1]), labels], dim=1).double()
        self.counts.index_add_(0, places.flatten(), entries.repeat(len(places), 1))
        self.counts[-1] += entries.sum(dim=0)
