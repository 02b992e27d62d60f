"""Every model of a back-test, from the one that gains most."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.marks import error_bars, lowest_drawn, on_axis
from smt.report.figures.theme import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    WARNING,
    axis,
    frame,
    label,
    legend,
    lines,
)
from smt.results.integration import BackTestedModel

ROW = 24
AROUND = 100


def backtest_figure(models: Sequence[BackTestedModel], alpha: float) -> go.Figure:
    """Mean Δ of a model with its standard error, and a dot a seed; failed models are left out.

    Those that diverged are triangles on the left edge.

    Args:
        alpha: Percent; left of the dashed line, models regress.
    """
    measured = [model for model in models if model.delta.value is not None]
    shown = sorted(measured, key=lambda model: -(model.delta.value or 0.0))
    places = {model.model: place for place, model in enumerate(shown)}
    dots = [(delta.value, model.model) for model in shown for delta in model.by_seed]
    means = [model.delta.value for model in shown]
    low = lowest_drawn([*means, *(delta for delta, _ in dots)], -alpha, 0.0)
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    figure.add_vline(x=-alpha, line={"color": WARNING, "width": 1.3, "dash": "dash"})
    figure.add_trace(
        go.Scatter(
            name="seeds",
            x=on_axis([delta for delta, _ in dots], low).places,
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
        group = [model for model in shown if model.representative == wanted]
        marks = on_axis(
            [model.delta.value for model in group],
            low,
            sems=[model.delta.sem for model in group],
            symbol=symbol,
        )
        figure.add_trace(
            go.Scatter(
                name=name,
                x=marks.places,
                y=[places[model.model] for model in group],
                mode="markers",
                marker={"size": 10, "color": color, "symbol": marks.symbols},
                error_x=error_bars(marks.sems, color, thickness=1.2, width=3),
                hovertext=[_hover(model) for model in group],
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
        legend=legend(),
    )
    return figure


def _hover(model: BackTestedModel) -> str:
    return lines(
        model.model,
        f"Δ {numbers.percent(model.delta.value)} ± {numbers.spread(model.delta.sem)}",
        f"NE {numbers.entropy(model.ne_before)} -> {numbers.entropy(model.ne_after)}",
    )
