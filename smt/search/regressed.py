"""Which models have regressed (Eq. 2), of plain numbers and of tensors: nowhere else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# In α: how softly a delta counts as a regression, so that gradients exist.
SOFTNESS = 0.2
# In percent: stands in for an α of 0 as the measure of what is small.
USUAL_ALPHA = 0.05


def small(alpha: float) -> float:
    """What constants in units of α are multiples of: α, or the usual one where it is 0."""
    return alpha or USUAL_ALPHA


def regressed(delta: float | None, alpha: float) -> bool:
    """Whether a model is known to have regressed: its delta is below -α percent, or failed (NaN).

    Of one that was not evaluated (None), nothing is known.
    """
    return delta is not None and not delta >= -alpha


def count_regressions(deltas: "Tensor", alpha: float) -> "Tensor":
    """`[..., m]` deltas, NaN where one failed -> `[...]` how many models have regressed."""
    return (~(deltas >= -alpha)).sum(-1)


def count_softly(deltas: "Tensor", alpha: float, margins: "Tensor | float" = 0.0) -> "Tensor":
    """`[..., m]` deltas -> `[...]` how many regressed, smooth in the deltas.

    Args:
        margins: How far above -α a delta must be, of all models or `[m]`.
    """
    return ((margins - alpha - deltas) / (SOFTNESS * small(alpha))).sigmoid().sum(-1)
