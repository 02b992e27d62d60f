"""What a step of a sequence is besides its item: which event it was, and how long ago."""

import torch
from torch import Tensor, nn


class EventSteps(nn.Module):
    """Adds to each step's item an embedding of its event and one of its age.

    Each is made only where its size is given, and added only where the log has the values.
    """

    def __init__(self, dim: int, *, num_events: int | None, time_buckets: int | None) -> None:
        super().__init__()
        self.events = None if num_events is None else nn.Embedding(num_events, dim)
        self.times = None if time_buckets is None else nn.Embedding(time_buckets, dim)

    def forward(
        self, values: Tensor, events: Tensor | None = None, ages: Tensor | None = None
    ) -> Tensor:
        """`[L, D]` items -> `[L, D]` steps.

        Args:
            events: `[L]` int64 codes; those out of range count as the nearest in range.
            ages: `[L]` seconds between each step and the impression.
        """
        if self.events is not None and events is not None:
            values = values + self.events(events.clamp(0, self.events.num_embeddings - 1))
        if self.times is not None and ages is not None:
            values = values + self.times(time_bucket(ages, self.times.num_embeddings))
        return values


def time_bucket(seconds: Tensor, buckets: int) -> Tensor:
    """`[...]` int64: floor(log2(1 + minutes)), at most `buckets - 1`; of less than 0, that of 0."""
    minutes = seconds.clamp(min=0) / 60
    return torch.log2(1 + minutes).clamp(max=buckets - 1).long()
