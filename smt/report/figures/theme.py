"""Colours and the frame that all figures share; `style.css` has the page's."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

INK = "#1f2933"
MUTED = "#7b8794"
FAINT = "#cbd2d9"
GRID = "#eef1f4"
ACCENT = "#1f5fa8"
WARNING = "#b3372b"
DIVERGING = [
    [0.0, "#a3271d"],
    [0.25, "#e59a80"],
    [0.5, "#f8f8f6"],
    [0.75, "#8db8dc"],
    [1.0, "#1c5a9e"],
]
CLUSTERS = (
    "#4c78a8",
    "#e08a3c",
    "#5a9e6f",
    "#b5485d",
    "#8468a8",
    "#8c6d52",
    "#c777a8",
    "#5f9ea8",
    "#a3a03c",
    "#6b7785",
)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
CONFIG = {"displayModeBar": False, "responsive": True}


def frame(height: int, **changes: Any) -> dict[str, Any]:
    """A figure's layout, `height` pixels high."""
    return {
        "height": height,
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 64, "r": 24, "t": 16, "b": 48},
        "hoverlabel": {
            "bgcolor": "white",
            "bordercolor": FAINT,
            "font": {"family": FONT, "size": 12, "color": INK},
            "align": "left",
        },
        **changes,
    }


def axis(title: str | None = None, **changes: Any) -> dict[str, Any]:
    """An axis with a light grid."""
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": MUTED}},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": FAINT,
        "tickfont": {"size": 11},
        "automargin": True,
        **changes,
    }


def names_axis(names: Iterable[str], places: Sequence[float], ends: list[float]) -> dict[str, Any]:
    """The y axis of a figure with a named row a thing: at which places, and between which ends."""
    texts = [label(name) for name in names]
    return axis(tickvals=list(places), ticktext=texts, range=ends, showgrid=False)


def legend(**changes: Any) -> dict[str, Any]:
    """A row of names above the figure."""
    return {
        "orientation": "h",
        "x": 0,
        "y": 1.0,
        "yanchor": "bottom",
        "font": {"size": 11},
        **changes,
    }


def around(values: Iterable[float | None], pad: float = 0.04) -> list[float]:
    """The range of an axis that holds the values with some room; None is no value."""
    known = [value for value in values if value is not None]
    room = pad * ((max(known) - min(known)) or 1.0)
    return [min(known) - room, max(known) + room]


def label(text: str) -> str:
    """Text of a file as Plotly shows it literally: Plotly reads tags and entities."""
    return escape(text, quote=False)


def lines(*texts: str) -> str:
    """A hover text, a line each."""
    return "<br>".join(label(text) for text in texts)
