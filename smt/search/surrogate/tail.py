"""The tail of losses, as the surrogate sees it: shorter, so that it does not set all scales.

Real losses reach from +99% to -10,000%, and a Gaussian process that must explain the worst of
them takes all gains for one value. Where the worst is too far below the good ones for that, what is
below -α is drawn in by a logarithm, no more than need be. Which deltas regress stays as it is.
"""

import math
from dataclasses import dataclass

from torch import Tensor

# The worst delta is at most this many standard deviations of the good ones below -α.
MOST_SPREADS = 3.0
# In α: of few good ones the standard deviation says little, and losses as these need no drawing in.
LEAST_SPREAD = 10.0
BISECTIONS = 60


@dataclass(frozen=True)
class Tail:
    """Deltas below an edge, drawn in: edge - s·log(1 + (edge - Δ)/s), and s its scale.

    Attributes:
        edge: -α; above it, deltas are as they are.
        scale: s, in units of the deltas; infinite where no delta need be drawn in.
        lowest: No delta is taken for lower than this.
    """

    edge: float
    scale: float
    lowest: float

    def bound(self, deltas: Tensor) -> Tensor:
        """Deltas as the surrogate sees them; NaN stays NaN."""
        if math.isinf(self.scale):
            return deltas
        below = (self.edge - deltas).clamp_min(0.0)
        return deltas + below - self.scale * (below / self.scale).log1p()

    def slope(self, deltas: Tensor) -> Tensor:
        """By how much a small change of the deltas shows in `bound`: that of standard errors."""
        return 1 / (1 + (self.edge - deltas).clamp_min(0.0) / self.scale)

    def undo(self, bounded: Tensor) -> Tensor:
        """The deltas of which `bound` makes these."""
        if math.isinf(self.scale):
            return bounded
        below = (self.edge - bounded).clamp_min(0.0)
        # A draw far out would be a loss beyond all bounds.
        most = self.scale * math.log1p((self.edge - self.lowest) / self.scale)
        return bounded + below - self.scale * (below.clamp_max(most) / self.scale).expm1()


def fit_tail(deltas: Tensor, alpha: float) -> Tail:
    """The mildest tail that brings the worst of some deltas near the good ones.

    Args:
        deltas: Any shape; NaN where there is none.
    """
    measured = deltas[deltas.isfinite()]
    edge = -alpha
    worst = float(measured.min()) if len(measured) else edge
    good = measured[measured >= edge]
    spread = max(float(good.std(correction=0)) if len(good) else 0.0, LEAST_SPREAD * alpha)
    depth, most = edge - worst, MOST_SPREADS * spread
    if depth <= most or most == 0:
        return Tail(edge, math.inf, worst)
    return Tail(edge, _scale(depth, most), worst)


def _scale(depth: float, most: float) -> float:
    """S with s·log(1 + depth/s) = most, by bisection of its logarithm."""
    low, high = math.log(most) - 100.0, math.log(depth) + 100.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        scale = math.exp(middle)
        if scale * math.log1p(depth / scale) < most:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)
