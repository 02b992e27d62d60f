"""How events share what the layers below found: `[B, H]` -> `[B, E, out_features]`."""

from itertools import pairwise

import torch
from torch import Tensor, nn


class SharedBottom(nn.Module):
    """All events read the same hidden layer."""

    def __init__(self, in_features: int, num_events: int) -> None:
        super().__init__()
        self.num_events = num_events
        self.out_features = in_features

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, H]` -> `[B, E, H]`, a view."""
        return hidden.unsqueeze(1).expand(-1, self.num_events, -1)


class MMoE(nn.Module):
    """Shared experts, mixed by each event's softmax gate (Ma et al., KDD 2018)."""

    def __init__(self, in_features: int, num_events: int, *, experts: int, width: int) -> None:
        super().__init__()
        self.experts = nn.Linear(in_features, experts * width)
        self.gates = nn.Linear(in_features, num_events * experts, bias=False)
        self.num_experts = experts
        self.out_features = width

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, H]` -> `[B, E, width]`."""
        experts = self.experts(hidden).relu().unflatten(1, (self.num_experts, -1))
        gates: Tensor = self.gates(hidden).unflatten(1, (-1, self.num_experts)).softmax(2)
        return torch.bmm(gates, experts)


class PLE(nn.Module):
    """Progressive layered extraction (Tang et al., RecSys 2020): layers of `Extraction`."""

    def __init__(
        self,
        in_features: int,
        num_events: int,
        *,
        shared: int,
        specific: int,
        layers: int,
        width: int,
    ) -> None:
        """Make the layers.

        Args:
            shared: Experts a layer that all events read.
            specific: Experts a layer of each event's own.
        """
        super().__init__()
        widths = [in_features] + [width] * layers
        self.layers = nn.ModuleList(
            Extraction(
                inputs,
                num_events,
                shared=shared,
                specific=specific,
                width=outputs,
                last=number == layers,
            )
            for number, (inputs, outputs) in enumerate(pairwise(widths), start=1)
        )
        self.num_events = num_events
        self.out_features = width

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, H]` -> `[B, E, width]`."""
        states = [hidden] * (1 + self.num_events)
        for layer in self.layers:
            states = layer(states)
        # The last layer has no shared state.
        return torch.stack(states, dim=1)


class Extraction(nn.Module):
    """One layer of customised gate control (Tang et al., RecSys 2020).

    An event's gate mixes the shared experts and its own; the shared gate mixes all experts.
    """

    def __init__(
        self,
        in_features: int,
        num_events: int,
        *,
        shared: int,
        specific: int,
        width: int,
        last: bool,
    ) -> None:
        super().__init__()
        self.width = width
        self.shared_experts = nn.Linear(in_features, shared * width)
        self.event_experts = nn.ModuleList(
            nn.Linear(in_features, specific * width) for _ in range(num_events)
        )
        self.event_gates = nn.ModuleList(
            nn.Linear(in_features, shared + specific, bias=False) for _ in range(num_events)
        )
        all_experts = shared + num_events * specific
        self.shared_gate = None if last else nn.Linear(in_features, all_experts, bias=False)

    def forward(self, states: list[Tensor]) -> list[Tensor]:
        """The shared state and one an event, `[B, in_features]` -> the same, `[B, width]`.

        The last layer gives those of the events only.
        """
        common, *events = states
        shared = self._experts(self.shared_experts, common)
        own = [
            self._experts(layer, state)
            for layer, state in zip(self.event_experts, events, strict=True)
        ]
        mixed = [
            _mix(gate(state), torch.cat([shared, experts], dim=1))
            for gate, state, experts in zip(self.event_gates, events, own, strict=True)
        ]
        if self.shared_gate is None:
            return mixed
        return [_mix(self.shared_gate(common), torch.cat([shared, *own], dim=1)), *mixed]

    def _experts(self, layer: nn.Module, state: Tensor) -> Tensor:
        """`[B, in_features]` -> `[B, experts, width]`."""
        experts: Tensor = layer(state).relu().unflatten(1, (-1, self.width))
        return experts


def _mix(scores: Tensor, experts: Tensor) -> Tensor:
    """`[B, N]` scores of `[B, N, width]` experts -> their `[B, width]` weighted mean."""
    return torch.bmm(scores.softmax(1).unsqueeze(1), experts).squeeze(1)
