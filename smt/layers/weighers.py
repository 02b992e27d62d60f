"""Weights that ids carry into pooling: by position in a list, by how often they were seen."""

import torch
from torch import Tensor, nn
from torchrec import JaggedTensor

from smt.layers.jagged import positions_of


class PositionWeights(nn.Module):
    """A learned weight for each position of a list, shared by all examples.

    Position p starts at 0.5^(p / half_life), so a long half-life starts as plain pooling;
    positions past the last share its weight. After torchrec's `PositionWeightedModule`,
    which refuses lists longer than its weights.
    """

    def __init__(self, max_positions: int, half_life: float) -> None:
        super().__init__()
        positions = torch.arange(max_positions, dtype=torch.float32)
        self.weight = nn.Parameter(0.5 ** (positions / half_life))

    def forward(self, ids: JaggedTensor) -> Tensor:
        """`[L]` weights of the L ids of a batch of lists."""
        positions = positions_of(ids.offsets().long(), ids.values().shape[0])
        return self.weight[positions.clamp(max=self.weight.numel() - 1)]


class FrequencyGate(nn.Module):
    """Trust in an id grows with its count: n / (n + prior_count) after n training examples.

    An id never trained on has weight zero, so its random initial row stays out of the
    pooled sum; the gate is the shrinkage of an estimate by its sample size.
    """

    count: Tensor

    def __init__(self, num_ids: int, prior_count: float) -> None:
        super().__init__()
        self.prior_count = prior_count
        # In single precision a count stops at 2^24.
        self.register_buffer("count", torch.zeros(num_ids, dtype=torch.float64))

    def forward(self, ids: JaggedTensor) -> Tensor:
        """`[L]` weights of the L ids; in training mode the ids are counted first."""
        values = ids.values()
        if self.training:
            self.count.index_add_(0, values, self.count.new_ones(values.numel()))
        seen = self.count[values].float()
        return seen / (seen + self.prior_count)
