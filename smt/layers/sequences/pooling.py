"""From the steps of a list to one vector: `[L, D]` in lists -> `[B, D]`, zero where empty."""

import torch
from torch import Tensor, nn

from smt.layers.jagged import Jagged, segment_mean, segment_softmax, segment_sum


class MeanPooler(nn.Module):
    """The mean of the steps."""

    def forward(self, steps: Jagged, target: Tensor | None = None) -> Tensor:
        """`[L, D]` -> `[B, D]`; the target is not read."""
        return segment_mean(steps)


class SumPooler(nn.Module):
    """The sum of the steps."""

    def forward(self, steps: Jagged, target: Tensor | None = None) -> Tensor:
        """`[L, D]` -> `[B, D]`; the target is not read."""
        return segment_sum(steps)


class AttentionPooler(nn.Module):
    """Softmax over the steps of w^T tanh(V x + b) (Yang et al. 2016, Eq. 5 to 7)."""

    def __init__(self, dim: int, *, hidden: int) -> None:
        if hidden < 1:
            raise ValueError(f"'hidden' must be at least 1, not {hidden}")
        super().__init__()
        self.hidden = nn.Linear(dim, hidden)
        self.query = nn.Linear(hidden, 1, bias=False)

    def forward(self, steps: Jagged, target: Tensor | None = None) -> Tensor:
        """`[L, D]` -> `[B, D]`; the target is not read."""
        scores = self.query(torch.tanh(self.hidden(steps.values)))
        weights = segment_softmax(steps.with_values(scores))
        return segment_sum(steps.with_values(weights * steps.values))


class TargetAttention(nn.Module):
    """Steps weighed by what they have to do with the target (DIN, arXiv:1706.06978, Eq. 3).

    The activation unit is an MLP with PReLU over [step, target, step - target, step * target].
    Its weights are used as they are, so that their sum tells how strong an interest is.
    """

    def __init__(self, dim: int, *, hidden: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 4 * dim
        for out_features in hidden:
            layers += [nn.Linear(width, out_features), nn.PReLU()]
            width = out_features
        self.activation = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, steps: Jagged, target: Tensor | None = None) -> Tensor:
        """`[L, D]` with the targets `[B, D]` -> `[B, D]`. Raises `ValueError` without targets."""
        if target is None:
            raise ValueError("target attention needs a 'target': one vector an example")
        values, of_step = steps.values, target[steps.rows]
        compared = torch.cat([values, of_step, values - of_step, values * of_step], dim=1)
        weights = self.activation(compared)
        return segment_sum(steps.with_values(weights * values))
