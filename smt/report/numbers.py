"""How numbers are written, so that a column of them lines up."""

from collections.abc import Mapping, Sequence
from typing import Any

from smt.capacity import Capacity
from smt.fleet.budget import Growth
from smt.results.savings import Savings

MINUS = "−"
MINUS_INFINITY = "−∞"
MISSING = "–"


def percent(value: float | None, missing: str = MISSING) -> str:
    """`+0.123%`, always with its sign."""
    return missing if value is None else _sign(f"{round(value, 3) + 0.0:+.3f}%")


def spread(value: float | None) -> str:
    """A standard error, `0.012%`."""
    return "?" if value is None else f"{value:.3f}%"


def measured(value: float | None, sem: float | None) -> str:
    """With its standard error, `+0.123% ± 0.012%`."""
    return f"{percent(value)} ± {spread(sem)}"


def interval(ends: tuple[float, float] | None) -> str:
    """`[+0.050%, +0.200%]`."""
    return MISSING if ends is None else f"[{percent(ends[0])}, {percent(ends[1])}]"


def rate(value: float) -> str:
    """A share of models, `0.125`."""
    return f"{value:.3f}"


def cost_changes(saved: Savings | None) -> tuple[str, str]:
    """Of FLOPs and bytes: `−72.4%` of what saves that share, `+3.0%` of what costs more."""
    if saved is None:
        return MISSING, MISSING
    return _change(-100 * saved.flops), _change(-100 * saved.bytes)


def growths(growth: Growth | None) -> tuple[str, str]:
    """Of FLOPs and bytes, `+3.0%` of what becomes dearer."""
    if growth is None:
        return MISSING, MISSING
    return _change(growth.flops), _change(growth.bytes)


def growth(known: Growth | None) -> str:
    """`FLOPs +3.0%, bytes −0.2%`."""
    return MISSING if known is None else _sign(str(known))


def capacity(most: Capacity) -> str:
    """By how much serving may become dearer, `+5% at most`."""
    return "free" if most == "free" else f"+{most:g}% at most"


LOSSES = "normalized entropy of events of 0 and 1, normalized deviance of values"
"""What a model's normalized loss is, in full."""


def loss(value: float | None) -> str:
    """A normalized loss, `0.93916`."""
    return MISSING if value is None else f"{value:.5f}"


def count(value: int) -> str:
    """`45,440`."""
    return f"{value:,}"


def plural(value: int, word: str) -> str:
    """`1 technique`, `2 techniques`."""
    return f"{count(value)} {word}" if value == 1 else f"{count(value)} {word}s"


def listing(values: Sequence[object]) -> str:
    """`1`, `1 and 2`, `1, 2 and 3`."""
    texts = [str(value) for value in values]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def theta(values: Mapping[str, Any], between: str = ", ") -> str:
    """`rank = 40, keep_dot = True`."""
    pairs = [f"{name} = {short(value)}" for name, value in values.items()]
    return between.join(pairs) if pairs else "no hyperparameters"


def short(value: object) -> str:
    """A value of a hyperparameter: floats with four digits."""
    return _sign(ascii_short(value)) if isinstance(value, float) else str(value)


def ascii_short(value: object) -> str:
    """The same on a terminal, with a hyphen for a minus."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _change(percent: float) -> str:
    return _sign(f"{round(percent, 1) + 0.0:+.1f}%")


def _sign(text: str) -> str:
    return text.replace("-", MINUS) if "e" not in text else text
