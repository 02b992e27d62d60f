"""Interactions beside each other and one after the other."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction
from smt.layers.jagged import Jagged


class Parallel(Interaction):
    """Several interactions of the same tokens: their output tokens, one after the other."""

    def __init__(self, num_tokens: int, dim: int, *, modules: Sequence[Interaction]) -> None:
        if not modules:
            raise ValueError("'modules' must hold at least one interaction")
        for place, module in enumerate(modules):
            _require_input(module, place, num_tokens, dim)
        super().__init__(num_tokens, dim, sum(module.out_tokens for module in modules))
        self.members = nn.ModuleList(modules)
        self.reads_sequences = _any_reads(modules)

    def forward(self, tokens: Tensor, sequences: Sequence[Jagged] = ()) -> Tensor:
        """`[B, F, D]` -> `[B, out_tokens, D]`; sequences go to the members that read them."""
        return torch.cat([_interact(member, tokens, sequences) for member in self.members], dim=1)


class Stack(Interaction):
    """Interactions one after the other; without any, the tokens as they are."""

    def __init__(self, num_tokens: int, dim: int, *, modules: Sequence[Interaction]) -> None:
        out_tokens = num_tokens
        for place, module in enumerate(modules):
            _require_input(module, place, out_tokens, dim)
            out_tokens = module.out_tokens
        super().__init__(num_tokens, dim, out_tokens)
        self.members = nn.ModuleList(modules)
        self.reads_sequences = _any_reads(modules)

    def forward(self, tokens: Tensor, sequences: Sequence[Jagged] = ()) -> Tensor:
        """`[B, F, D]` -> `[B, out_tokens, D]`; sequences go to the members that read them."""
        for member in self.members:
            tokens = _interact(member, tokens, sequences)
        return tokens


def _interact(module: nn.Module, tokens: Tensor, sequences: Sequence[Jagged]) -> Tensor:
    interacted: Tensor = module(tokens, sequences) if module.reads_sequences else module(tokens)
    return interacted


def _any_reads(modules: Iterable[Interaction]) -> bool:
    return any(module.reads_sequences for module in modules)


def _require_input(module: Interaction, place: int, num_tokens: int, dim: int) -> None:
    if (module.num_tokens, module.dim) != (num_tokens, dim):
        raise ValueError(
            f"module {place}, {type(module).__name__}, must take {num_tokens} tokens of width "
            f"{dim}, not {module.num_tokens} of width {module.dim}"
        )
