"""The losses of several events side by side, each of its own kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data import Schema
from smt.data.columns import Value
from smt.layers.losses import CrossEntropy, EventLoss, Floats, TweedieDeviance


@dataclass(frozen=True)
class EventLosses:
    """The losses of E events side by side; all that is given and returned is `[..., E]`."""

    kinds: tuple[EventLoss, ...]

    @property
    def name(self) -> str:
        """What their mean is called, normalised by their backgrounds."""
        names = {kind.name for kind in self.kinds}
        return names.pop() if len(names) == 1 else "normalized loss"

    def first(self, count: int) -> "EventLosses":
        """Of the first events alone."""
        return EventLosses(self.kinds[:count])

    def scores(self, outputs: Tensor) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, ours: kind.scores(ours), outputs)

    def start(self, means: Tensor) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, ours: kind.start(ours), means)

    def shifted(self, means: Tensor, by: float) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, ours: kind.shifted(ours, by), means)

    def training_losses(self, outputs: Tensor, labels: Tensor, units: Tensor) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, *ours: kind.training_losses(*ours), outputs, labels, units)

    def weighed_training_loss(
        self, outputs: Tensor, labels: Tensor, weights: Tensor, units: Tensor
    ) -> Tensor:
        """The sum of weights times training losses."""
        if {*self.kinds} == {CrossEntropy()}:
            # The same in one operation.
            return binary_cross_entropy_with_logits(outputs, labels, weights, reduction="sum")
        return (self.training_losses(outputs, labels, units) * weights).sum()

    def errors(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, *ours: kind.errors(*ours), outputs, labels)

    def prior(self, sums: Tensor, rows: Tensor) -> Tensor:
        """See `EventLoss`; `rows` is `[..., 1]`."""
        return self._each(lambda kind, *ours: kind.prior(*ours), sums, rows.expand_as(sums))

    def lifts(self, means: Tensor, prior: Tensor) -> Tensor:
        """See `EventLoss`; `prior` is `[E]`."""
        return self._each(lambda kind, *ours: kind.lifts(*ours), means, prior)

    def comparable(self, scores: Tensor) -> Tensor:
        """See `EventLoss`."""
        return self._each(lambda kind, ours: kind.comparable(ours), scores)

    def losses(self, outputs: Floats, labels: Floats) -> Floats:
        """See `EventLoss`."""
        if len({*self.kinds}) == 1:
            return self.kinds[0].losses(outputs, labels)
        columns = [
            kind.losses(outputs[..., place], labels[..., place])
            for place, kind in enumerate(self.kinds)
        ]
        return np.stack(columns, axis=-1)

    def _each(self, apply: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        """Each kind's own on its columns: on all at once, where there is one kind."""
        if len({*self.kinds}) == 1:
            return apply(self.kinds[0], *tensors)
        columns = zip(self.kinds, *(tensor.unbind(-1) for tensor in tensors), strict=True)
        return torch.stack([apply(kind, *ours) for kind, *ours in columns], dim=-1)


def losses_of(schema: Schema, events: Sequence[str]) -> EventLosses:
    """The losses of events, in their order."""
    labels = (schema.label(event) for event in events)
    return EventLosses(
        tuple(
            TweedieDeviance(label.power) if isinstance(label, Value) else CrossEntropy()
            for label in labels
        )
    )
