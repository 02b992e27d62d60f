"""How a fleet's models changed under a template."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from smt.report import numbers
from smt.report.figures.theme import ACCENT, FAINT, MUTED, WARNING, axis, frame, lines, lowest_drawn

HEIGHT = 420
BINS = 50
COLOURS = {"ships": ACCENT, "held back": WARNING, "failed": MUTED}


def instances_figure(rows: Sequence[dict[str, Any]], alpha: float) -> go.Figure | None:
    """Left: Δ of every model that was compared, largest first; right: how many have which.

    Models that diverged are triangles on the lower edge. None where no model was compared.

    Args:
        rows: Of `models.parquet`.
        alpha: Percent; below the dashed line models regress.
    """
    known = sorted((row for row in rows if row["delta"] is not None), key=lambda r: -r["delta"])
    if not known:
        return None
    figure = make_subplots(
        cols=2, shared_yaxes=True, horizontal_spacing=0.02, column_widths=(0.72, 0.28)
    )
    low = lowest_drawn([row["delta"] for row in known], -alpha, 0.0)
    deltas = [max(row["delta"], low) for row in known]
    width = (max(deltas) - min(deltas)) / BINS or 1.0
    for outcome, colour in COLOURS.items():
        group = [(place, row) for place, row in enumerate(known, 1) if row["outcome"] == outcome]
        if not group:
            continue
        figure.add_scatter(
            name=outcome,
            x=[place for place, _ in group],
            y=[max(row["delta"], low) for _, row in group],
            mode="markers",
            marker={
                "size": 6,
                "color": colour,
                "symbol": [
                    "circle" if row["delta"] >= low else "triangle-down" for _, row in group
                ],
            },
            error_y={
                "type": "data",
                "array": [row["sem"] if row["delta"] >= low else None for _, row in group],
                "color": colour,
                "thickness": 0.6,
                "width": 0,
            },
            hovertext=[_hover(row) for _, row in group],
            hoverinfo="text",
            row=1,
            col=1,
        )
        figure.add_histogram(
            y=[max(row["delta"], low) for _, row in group],
            ybins={"start": min(deltas), "end": max(deltas) + width, "size": width},
            marker={"color": colour},
            showlegend=False,
            hovertemplate="%{x} models<br>Δ %{y}<extra></extra>",
            row=1,
            col=2,
        )
    figure.add_hline(y=0, line={"color": FAINT, "width": 1})
    figure.add_hline(y=-alpha, line={"color": WARNING, "width": 1.3, "dash": "dash"})
    figure.update_layout(
        **frame(HEIGHT, margin={"l": 64, "r": 16, "t": 36, "b": 48}),
        barmode="stack",
        xaxis=axis("models, from the one that gains most", showgrid=False),
        xaxis2=axis("models", showgrid=False),
        yaxis=axis("Δ, percent of NE", ticksuffix="%"),
        yaxis2=axis(),
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
    )
    return figure


def _hover(row: dict[str, Any]) -> str:
    return lines(
        row["model"],
        f"Δ {numbers.percent(row['delta'])} ± {numbers.spread(row['sem'])}",
        f"NE {numbers.entropy(row['baseline_ne'])} -> {numbers.entropy(row['ne'])}",
        *row["reasons"],
    )
