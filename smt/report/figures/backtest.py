"""Every model of a back-test, from the one that gains most."""

from typing import Any

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.theme import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    WARNING,
    axis,
    frame,
    label,
    lines,
    lowest_drawn,
)

ROW = 24
AROUND = 100


def backtest_figure(models: list[dict[str, Any]], alpha: float) -> go.Figure:
    """Mean Δ of a model with its standard error, and a dot a seed; failed models are left out.

    Those that diverged are triangles on the left edge.

    Args:
        models: Of `result.json`.
        alpha: Percent; left of the dashed line, models regress.
    """
    shown = sorted(
        (each for each in models if each["delta"] is not None), key=lambda each: -each["delta"]
    )
    places = {each["model"]: place for place, each in enumerate(shown)}
    dots = [(delta, each["model"]) for each in shown for delta in each["by_seed"]]
    means = [each["delta"] for each in shown]
    low = lowest_drawn([*means, *(delta for delta, _ in dots)], -alpha, 0.0)
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    figure.add_vline(x=-alpha, line={"color": WARNING, "width": 1.3, "dash": "dash"})
    figure.add_trace(
        go.Scatter(
            name="seeds",
            x=[max(delta, low) for delta, _ in dots],
            y=[places[model] for _, model in dots],
            mode="markers",
            marker={"size": 5, "color": MUTED, "opacity": 0.6},
            hovertext=[lines(model, f"Δ {numbers.percent(delta)}") for delta, model in dots],
            hoverinfo="text",
        )
    )
    for name, wanted, color, symbol in (
        ("representatives", True, ACCENT, "circle"),
        ("holdout", False, INK, "diamond"),
    ):
        group = [each for each in shown if each["representative"] == wanted]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=[max(each["delta"], low) for each in group],
                y=[places[each["model"]] for each in group],
                mode="markers",
                marker={
                    "size": 10,
                    "color": color,
                    "symbol": [
                        symbol if each["delta"] >= low else "triangle-left" for each in group
                    ],
                },
                error_x={
                    "type": "data",
                    "array": [each["sem"] if each["delta"] >= low else None for each in group],
                    "color": color,
                    "thickness": 1.2,
                    "width": 3,
                },
                hovertext=[_hover(each) for each in group],
                hoverinfo="text",
            )
        )
    figure.update_layout(
        **frame(AROUND + ROW * len(shown), margin={"l": 8, "r": 24, "t": 36, "b": 44}),
        xaxis=axis("Δ, percent of NE", ticksuffix="%"),
        yaxis=axis(
            tickvals=list(places.values()),
            ticktext=[label(model) for model in places],
            range=[len(shown) - 0.4, -0.6],
            showgrid=False,
        ),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
    )
    return figure


def _hover(model: dict[str, Any]) -> str:
    return lines(
        model["model"],
        f"Δ {numbers.percent(model['delta'])} ± {numbers.spread(model['sem'])}",
        f"NE {numbers.entropy(model['ne_before'])} -> {numbers.entropy(model['ne_after'])}",
    )
