"""Which models have regressed (Eq. 2), of plain numbers and of tensors: nowhere else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# In percent: how softly a delta counts as a regression, so that gradients exist.
SOFTNESS = 0.01


def regressed(delta: float | None, alpha: float) -> bool:
    """Whether a model is known to have regressed: its delta is below -α percent, or failed (NaN).

    Of one that was not evaluated (None), nothing is known.
    """
    return delta is not None and not delta >= -alpha


def count_regressions(deltas: "Tensor", alpha: float) -> "Tensor":
    """`[..., m]` deltas, NaN where one failed -> `[...]` how many models have regressed."""
    return (~(deltas >= -alpha)).sum(-1)


def count_softly(deltas: "Tensor", alpha: "float | Tensor") -> "Tensor":
    """`[..., m]` deltas -> `[...]` how many regressed, smooth in the deltas.

    Args:
        alpha: Of all models, or `[m]`.
    """
    return ((-alpha - deltas) / SOFTNESS).sigmoid().sum(-1)
