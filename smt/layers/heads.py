"""From what is known of an example to one logit an event, or the log of a value's mean."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class EventLogits(nn.Module):
    """A weight row and a bias of each event's own.

    Over a hidden layer that all events share this is a linear layer.
    """

    def __init__(self, num_events: int, in_features: int) -> None:
        super().__init__()
        self.bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(num_events, in_features))
        self.bias = nn.Parameter(torch.zeros(num_events))
        nn.init.uniform_(self.weight, -self.bound, self.bound)

    @torch.no_grad()
    def initialize_parameters(self, generator_of: Callable[[str], torch.Generator]) -> None:
        """Draw each event's row on its own, so that further events do not move it."""
        for event, row in enumerate(self.weight):
            drawn = torch.empty(row.shape)
            drawn.uniform_(-self.bound, self.bound, generator=generator_of(f"weight.{event}"))
            row.copy_(drawn)
        self.bias.zero_()

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, E, H]` -> `[B, E]` logits."""
        return torch.einsum("beh,eh->be", hidden, self.weight) + self.bias


class TowerLogits(nn.Module):
    """The scaled dot product of a user's and an item's vector, with each event's scale and bias.

    exp(log_scale_e) <u_e, v_e> / sqrt(V) + bias_e.
    """

    def __init__(self, num_events: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.log_scale = nn.Parameter(torch.zeros(num_events))
        self.bias = nn.Parameter(torch.zeros(num_events))

    @torch.no_grad()
    def initialize_parameters(self, generator_of: Callable[[str], torch.Generator]) -> None:
        """Scales of one and biases of zero: nothing is drawn."""
        self.log_scale.zero_()
        self.bias.zero_()

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """`[B, E, V]` users, each with its own of `[B, E, V]` items -> `[B, E]` logits."""
        return self._logits(torch.einsum("bev,bev->be", user, item))

    def score(self, user: Tensor, items: Tensor) -> Tensor:
        """`[B, E, V]` users with all of a corpus of `[I, E, V]` items -> `[B, I, E]` logits."""
        return self._logits(torch.einsum("bev,iev->bie", user, items))

    def _logits(self, products: Tensor) -> Tensor:
        return products * (self.log_scale.exp() / math.sqrt(self.dim)) + self.bias


class EntireSpace(nn.Module):
    """Chains events that can only follow others (ESMM, arXiv:1804.07931, Eq. 1).

    P(e) = P(parent of e) sigmoid(logit_e), so that `logit_e` is learned on all examples and
    not only on those where the parent happened. With parent's logit a and own logit b,
    1/P(e) - 1 = e^-a + e^-b + e^-(a+b): the chained logit is -logsumexp(-a, -b, -a-b), which
    neither cancels nor saturates at any probability.
    """

    def __init__(self, parents: tuple[int | None, ...]) -> None:
        """Order the events, each after its parent.

        Args:
            parents: For each of E events the index of the one it can only follow, or None; a
                schema has no circle of them.
        """
        super().__init__()
        self.parents = parents
        self.order = sorted(range(len(parents)), key=self._depth)

    def forward(self, logits: Tensor) -> Tensor:
        """`[B, E]` logits given the parent -> `[B, E]` logits of the event itself."""
        chained = list(logits.unbind(1))
        for event in self.order:
            parent = self.parents[event]
            if parent is not None:
                before, own = chained[parent], chained[event]
                terms = torch.stack([-before, -own, -(before + own)])
                chained[event] = -terms.logsumexp(0)
        return torch.stack(chained, dim=1)

    def _depth(self, event: int) -> int:
        parent = self.parents[event]
        return 0 if parent is None else 1 + self._depth(parent)
