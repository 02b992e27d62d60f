"""How many judged rows tell a change of α percent from none."""

import math

from scipy.special import ndtri


def required_examples(
    sem: float, rows: int, *, alpha: float, power: float = 0.8, level: float = 0.05
) -> int:
    """Test examples of a model at which a change of α percent is told from none.

    By a one-sided test whose sem shrinks with 1/√rows: rows (sem (z_level + z_power) / α)².
    The noise of a seed does not shrink with rows: no window is long enough for it, and `sem`
    must not hold it.

    Args:
        sem: Over rows, percent. It depends on how much the two networks compared differ, and
            holds for techniques that change a network about as much. Where it is clustered by
            user, a longer window must bring new users in the same measure.
        rows: Test rows that it was measured on.
        alpha: The change to be told, percent, above 0.
        power: Chance that it is told.
        level: Chance that no change is taken for one.
    """
    quantiles = float(ndtri(power) - ndtri(level))
    return math.ceil(rows * (sem * quantiles / alpha) ** 2)
