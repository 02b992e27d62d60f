"""Error bars of 95%."""

from collections.abc import Sequence
from typing import Any

# Standard errors from the centre of a normal 95% interval to its end.
REACH = 1.96


def whiskers(sems: Sequence[float | None], color: str, **changes: Any) -> dict[str, Any]:
    """Error bars, a point each; none where the standard error is unknown."""
    return {
        "type": "data",
        "array": [None if sem is None else REACH * sem for sem in sems],
        "color": color,
        "thickness": 1.4,
        "width": 4,
        **changes,
    }
