"""What every contestant of the training benchmark shares: its step, and the cross layers' size."""

from collections.abc import Callable, Sequence
from itertools import cycle

import torch
from torch import Tensor

from smt.data import Batch

CROSS_LAYERS = 2
CROSS_RANK = 64

Step = Callable[[], object]
Loss = Callable[[Batch], Tensor]


def training_step(loss: Loss, optimizer: torch.optim.Optimizer, batches: Sequence[Batch]) -> Step:
    """A step of the optimizer by the loss of the next batch, over and over."""
    endless = cycle(batches)

    def step() -> None:
        batch = next(endless)
        optimizer.zero_grad()
        torch.autograd.backward(loss(batch))
        optimizer.step()

    return step
