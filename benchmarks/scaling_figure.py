"""The figure of `scaling.py`: efficiency against workers, and how often the driver is asked."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scaling_launch import Scaling

from smt.report.document import html_document
from smt.report.figures.embed import embed
from smt.report.figures.theme import ACCENT, MUTED, axis, frame

HEIGHT = 380
BAR = 0.95
CAPTION = (
    "Evaluations that sleep, on simulated nodes of one machine. Left: share of the workers' time "
    "that they slept, while all were at work; dotted: 95%. Right: evaluations a second; dotted: "
    "were nothing but sleep."
)


def write_figure(sizes: Sequence[Scaling], summary: dict[str, Any], path: Path) -> None:
    """Write the page.

    Args:
        summary: What the page keeps as JSON.
    """
    figure = embed(scaling_figure(sizes), "scaling")
    sections = [figure, f"<p class=caption>{escape(CAPTION)}</p>"]
    path.write_text(html_document("How orchestration scales", sections, summary))


def scaling_figure(sizes: Sequence[Scaling]) -> go.Figure:
    """Two panels over the number of workers, which doubles from mark to mark."""
    figure = make_subplots(cols=2, horizontal_spacing=0.1)
    workers = [size.workers for size in sizes]
    shares = [size.efficiency for size in sizes]
    rates = [size.rate for size in sizes]
    # Were nothing but sleep: rate = efficiency x workers / length.
    ideal = [rate / share for rate, share in zip(rates, shares, strict=True)]
    marked = {
        "mode": "lines+markers",
        "line": {"color": ACCENT, "width": 2.4},
        "marker": {"size": 7},
        "showlegend": False,
    }
    dotted = {"color": MUTED, "width": 1, "dash": "dot"}
    figure.add_trace(
        go.Scatter(x=workers, y=shares, hovertemplate="%{x} workers: %{y:.1%}", **marked), 1, 1
    )
    figure.add_trace(
        go.Scatter(x=workers, y=ideal, mode="lines", line=dotted, showlegend=False), 1, 2
    )
    figure.add_trace(
        go.Scatter(x=workers, y=rates, hovertemplate="%{x} workers: %{y:.1f}", **marked), 1, 2
    )
    figure.add_hline(BAR, line=dotted, layer="below", col=1)
    figure.update_layout(**frame(HEIGHT))
    doubling = {"type": "log", "tickvals": workers, "ticktext": [str(count) for count in workers]}
    figure.update_xaxes(axis("workers", **doubling))
    lowest = min(*shares, BAR)
    figure.update_yaxes(
        axis("efficiency", range=[lowest - 0.05, 1.005], tickformat=".0%"), row=1, col=1
    )
    ticks = {"tick0": 0, "dtick": math.log10(2), "tickformat": "~g"}
    figure.update_yaxes(axis("evaluations a second", type="log", **ticks), row=1, col=2)
    return figure
