"""How many test rows tell a change of α percent from none."""

import math
from collections.abc import Mapping

from scipy.special import ndtri

from smt.errors import InputError


def required_examples(
    measured: Mapping[str, tuple[float, int]],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    level: float = 0.05,
) -> dict[str, int]:
    """Test examples, a model, at which a change of α percent is told from none.

    By a one-sided test whose sem shrinks with 1/√rows: rows (sem (z_level + z_power) / α)².
    The noise of a seed does not shrink with rows: no window is long enough for it, and `sem`
    must not hold it.

    Args:
        measured: A model's sem over rows, percent, and the test rows it was measured on. It
            depends on how much the two networks compared differ, and holds for techniques
            that change a network about as much. Where it is clustered by user, a longer
            window must bring new users in the same measure.
        alpha: The change to be told, percent.
        power: Chance that it is told.
        level: Chance that no change is taken for one.

    Returns:
        A number a model, in the order given; 0 where the sem is 0.

    Raises:
        InputError: α is not above 0, 0 < level < power < 1 does not hold, or a sem or a
            number of rows is impossible.
    """
    if not 0 < alpha < math.inf:
        raise InputError(f"alpha {alpha} is not above 0; no window tells no change from none")
    if not 0 < level < power < 1:
        raise InputError(f"level {level} and power {power} must hold 0 < level < power < 1")
    quantiles = float(ndtri(power) - ndtri(level))
    return {
        name: math.ceil(
            _known_rows(name, rows) * (_measured_sem(name, sem) * quantiles / alpha) ** 2
        )
        for name, (sem, rows) in measured.items()
    }


def short_windows(
    measured: Mapping[str, tuple[float, int]],
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    level: float = 0.05,
) -> dict[str, int]:
    """The models that have fewer test rows than `required_examples`, and how many they need."""
    needed = required_examples(measured, alpha=alpha, power=power, level=level)
    return {name: rows for name, rows in needed.items() if measured[name][1] < rows}


def _measured_sem(name: str, sem: float) -> float:
    if not 0 <= sem < math.inf:
        raise InputError(f"model '{name}': sem {sem} is not a finite number of at least 0")
    return sem


def _known_rows(name: str, rows: int) -> int:
    if rows < 1:
        raise InputError(f"model '{name}': {rows} test rows; a sem is measured on at least 1")
    return rows
