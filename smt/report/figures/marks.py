"""Marks of percent and their error bars: those of networks that diverged stand on an edge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

DIVERGED = -10.0
"""Percent. What is lower may be left out of an axis that it would stretch."""
SPREAD = 3
"""How many times as far down as the others lie apart it must be, to be left out."""
# Standard errors from the centre of a normal 95% interval to its end.
REACH = 1.96


def lowest_drawn(values: Iterable[float | None], *marks: float) -> float:
    """The least of the values that an axis of percent shows in its place; None is no value.

    Those of networks that diverged, far below all others, would flatten the picture: they are
    drawn on the edge.

    Args:
        marks: What the axis shows besides, such as 0 and thresholds.
    """
    known = [value for value in values if value is not None]
    others = [*marks, *(value for value in known if value >= DIVERGED)]
    if not others:
        return min(known, default=0.0)
    reach = min(DIVERGED, min(others) - SPREAD * (max(others) - min(others)))
    return min([*others, *(value for value in known if value >= reach)])


@dataclass(frozen=True)
class Marks:
    """Values as an axis that ends at the lowest drawn shows them.

    Attributes:
        places: On the axis; None where there is no value.
        symbols: A triangle that points off the axis for what is on its edge.
        sems: Standard errors; None where unknown, and on the edge, where there is no room for
            what a bar would say.
    """

    places: list[float | None]
    symbols: list[str]
    sems: list[float | None]


def on_axis(
    values: Sequence[float | None],
    low: float,
    *,
    sems: Sequence[float | None] | None = None,
    symbol: str = "circle",
    beyond: str = "triangle-left",
) -> Marks:
    """Put what lies below the lowest drawn on the edge.

    Args:
        low: As `lowest_drawn` returns it.
        symbol, beyond: Of values in their place, and of those on the edge.
    """
    inside = [value is None or value >= low for value in values]
    known = [None] * len(values) if sems is None else sems
    return Marks(
        places=[None if value is None else max(value, low) for value in values],
        symbols=[symbol if kept else beyond for kept in inside],
        sems=[sem if kept else None for sem, kept in zip(known, inside, strict=True)],
    )


def points(
    x: Sequence[Any], y: Sequence[Any], hover: Sequence[str], marker: dict[str, Any], **changes: Any
) -> go.Scatter:
    """Marks that say more to who hovers over one; `changes` are of any property of theirs."""
    own = {"mode": "markers", "marker": marker, "hovertext": hover, "hoverinfo": "text"}
    return go.Scatter(x=x, y=y, **{**own, **changes})


def error_bars(sems: Sequence[float | None], color: str, **changes: Any) -> dict[str, Any]:
    """Of one standard error, a mark each; none where it is unknown."""
    return {"type": "data", "array": list(sems), "color": color, **changes}


def whiskers(sems: Sequence[float | None], color: str) -> dict[str, Any]:
    """Error bars of 95%, a mark each; none where the standard error is unknown."""
    reaches = [None if sem is None else REACH * sem for sem in sems]
    return error_bars(reaches, color, thickness=1.4, width=4)
