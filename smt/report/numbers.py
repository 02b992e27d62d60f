"""How numbers are written, so that a column of them lines up."""

from collections.abc import Mapping
from typing import Any

MINUS = "−"
MINUS_INFINITY = "−∞"
MISSING = "–"


def percent(value: float | None, missing: str = MISSING) -> str:
    """`+0.123%`, always with its sign."""
    return missing if value is None else _sign(f"{round(value, 3) + 0.0:+.3f}%")


def spread(value: float | None) -> str:
    """A standard error, `0.012%`."""
    return "?" if value is None else f"{value:.3f}%"


def rate(value: float) -> str:
    """A share of models, `0.125`."""
    return f"{value:.3f}"


def entropy(value: float | None) -> str:
    """A normalized entropy, `0.93916`."""
    return MISSING if value is None else f"{value:.5f}"


def count(value: int) -> str:
    """`45,440`."""
    return f"{value:,}"


def plural(value: int, word: str) -> str:
    """`1 technique`, `2 techniques`."""
    return f"{count(value)} {word}" if value == 1 else f"{count(value)} {word}s"


def theta(values: Mapping[str, Any], between: str = ", ") -> str:
    """`rank = 40, keep_dot = True`."""
    pairs = [f"{name} = {_short(value)}" for name, value in values.items()]
    return between.join(pairs) if pairs else "no hyperparameters"


def _short(value: object) -> str:
    return _sign(f"{value:.4g}") if isinstance(value, float) else str(value)


def _sign(text: str) -> str:
    return text.replace("-", MINUS) if "e" not in text else text
