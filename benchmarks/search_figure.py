"""The figure of `search.py`: how fast each method gets near the optimum."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from search_fleets import NEAR
from search_points import Array

from smt.report.document import html_document
from smt.report.figures.embed import embed
from smt.report.figures.theme import ACCENT, CLUSTERS, MUTED, axis, frame

HEIGHT = 460
PANELS = ("trials", "evaluations")
# Trials' ends fall anywhere; a mark every few evaluations is as fine as a screen shows.
EVERY = (1, 4)


def write_figure(
    regrets: dict[str, tuple[Array, Array]], summary: dict[str, Any], path: Path
) -> None:
    """Write the page.

    Args:
        regrets: Method -> simple regret [runs, trials] and [runs, evaluations].
        summary: What the page keeps as JSON.
    """
    figure = embed(regret_figure(regrets), "regret")
    runs = max(len(by_trial) for by_trial, _ in regrets.values())
    caption = (
        f"Simple regret, 1 − A/A* of the truly best θ tried so far: median of {runs} runs a "
        "method, with quartiles. It is 1 until a θ that is truly feasible and better than doing "
        f"nothing has been tried, and stays once a run has ended. Dotted: {NEAR:.0%} "
        "of the optimum."
    )
    path.write_text(
        html_document(
            "Searchers on simulated fleets",
            [figure, f"<p class=caption>{escape(caption)}</p>"],
            summary,
        )
    )


def regret_figure(regrets: dict[str, tuple[Array, Array]]) -> go.Figure:
    """Two panels, against trials and against evaluations, a line and a band a method."""
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    for method, panels in regrets.items():
        for column, (regret, every) in enumerate(zip(panels, EVERY, strict=True), 1):
            shown = slice(every - 1, None, every)
            numbers = np.arange(1, regret.shape[1] + 1)[shown]
            for trace in _traces(method, colours(regrets)[method], numbers, regret[:, shown]):
                figure.add_trace(
                    trace.update(showlegend=trace.showlegend and column == 1), 1, column
                )
    figure.update_layout(
        **frame(HEIGHT, margin={"l": 64, "r": 24, "t": 48, "b": 56}),
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 13}},
        hovermode="x unified",
    )
    figure.add_hline(1 - NEAR, line={"color": MUTED, "width": 1, "dash": "dot"}, layer="below")
    for column, name in enumerate(PANELS, 1):
        figure.update_xaxes(axis(name, rangemode="tozero"), col=column)
    figure.update_yaxes(axis(range=[0, 1.02], tickformat=".0%"))
    figure.update_yaxes(axis("simple regret", range=[0, 1.02], tickformat=".0%"), col=1)
    return figure


def colours(regrets: dict[str, tuple[Array, Array]]) -> dict[str, str]:
    """A colour a method, the accent for "composite"."""
    others = (method for method in regrets if method != "composite")
    return {"composite": ACCENT, **dict(zip(others, CLUSTERS[1:], strict=False))}


def _traces(method: str, colour: str, numbers: Array, regret: Array) -> list[go.Scatter]:
    """The band between quartiles of [runs, n], as two edges, and the median over it."""
    strong = method == "composite"
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    edge = {"line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    filled = {
        "fill": "tonexty",
        "fillcolor": f"rgba({red}, {green}, {blue}, {0.18 if strong else 0.08})",
    }
    median = {
        "line": {"color": colour, "width": 2.6 if strong else 1.6, "shape": "hv"},
        "hovertemplate": "%{y:.1%}",
        "showlegend": True,
    }
    quartiles = np.quantile(regret, [0.25, 0.75, 0.5], axis=0)
    return [
        go.Scatter(name=method, legendgroup=method, mode="lines", x=numbers, y=values, **style)
        for values, style in zip(quartiles, (edge, edge | filled, median), strict=True)
    ]
