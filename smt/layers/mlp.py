"""The layers above the interaction."""

from torch import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers with ReLU: `[B, in_features]` -> `[B, widths[-1]]`."""

    def __init__(self, in_features: int, widths: tuple[int, ...]) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            layers += [nn.Linear(in_features, width), nn.ReLU()]
            in_features = width
        super().__init__(*layers)
        self.out_features = in_features


class ResidualMLP(nn.Module):
    """Pre-norm residual blocks: x + W2 ReLU(W1 LayerNorm(x)), after a projection to `width`.

    The layout of a transformer's feed-forward block (arXiv:2002.04745).
    """

    def __init__(self, in_features: int, width: int, depth: int) -> None:
        super().__init__()
        self.project = nn.Linear(in_features, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.out_features = width

    def forward(self, inputs: Tensor) -> Tensor:
        """`[B, in_features]` -> `[B, width]`."""
        hidden: Tensor = self.project(inputs)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        normed: Tensor = self.norm(hidden)
        return normed
