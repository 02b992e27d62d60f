"""Moving averages of parameters, to evaluate with."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from smt.training.optimizers import alike


class Averaged:
    """The exponential moving average of parameters.

    The first steps are averaged over fewer: update t = 0, 1, ... keeps
    min(decay, (1 + t) / (10 + t)) of the average, so that initial values do not linger.
    Torch's `AveragedModel` would copy the network's tables, and its decay is fixed.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float) -> None:
        """Start from the values that the parameters have.

        Args:
            parameters: Of the dense part; a table is too large to be copied.
            decay: In [0, 1): the share of the average that a late update keeps.
        """
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}, must be in [0, 1)")
        self.parameters: list[Tensor] = list(parameters)
        self.values = [parameter.detach().clone() for parameter in self.parameters]
        value_of = dict(zip(self.parameters, self.values, strict=True))
        self._groups = [([value_of[p] for p in kind], kind) for kind in alike(self.parameters)]
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the parameters; called after each step."""
        kept = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for values, parameters in self._groups:
            torch._foreach_lerp_(values, parameters, 1 - kept)
        self.updates += 1

    @torch.no_grad()
    def exchange(self) -> None:
        """Give the parameters their averages; again, and they have their own values back."""
        # One by one: torch has no `_foreach_copy_` of sharded parameters.
        for parameter, value in zip(self.parameters, self.values, strict=True):
            own = parameter.detach().clone()
            parameter.copy_(value)
            value.copy_(own)
