"""Every model of a back-test, from the one that gains most."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import error_bars, lowest_drawn, on_axis, points
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
    figure.add_vline(x=0, line={"color": theme.FAINT, "width": 1})
    figure.add_vline(x=-alpha, line={"color": theme.WARNING, "width": 1.3, "dash": "dash"})
    seeds = points(
        on_axis([delta for delta, _ in dots], low).places,
        [places[model] for _, model in dots],
        [theme.lines(model, f"Δ {numbers.percent(delta)}") for delta, model in dots],
        {"size": 5, "color": theme.MUTED, "opacity": 0.6},
        name="seeds",
    )
    figure.add_trace(seeds)
    for name, wanted, color, symbol in (
        ("representatives", True, theme.ACCENT, "circle"),
        ("holdout", False, theme.INK, "diamond"),
    ):
        group = [model for model in shown if model.representative == wanted]
        deltas = [model.delta.value for model in group]
        sems = [model.delta.sem for model in group]
        marks = on_axis(deltas, low, sems=sems, symbol=symbol)
        group_means = points(
            marks.places,
            [places[model.model] for model in group],
            [_hover(model) for model in group],
            {"size": 10, "color": color, "symbol": marks.symbols},
            name=name,
            error_x=error_bars(marks.sems, color, thickness=1.2, width=3),
        )
        figure.add_trace(group_means)
    figure.update_layout(
        **theme.frame(AROUND + ROW * len(shown), margin={"l": 8, "r": 24, "t": 36, "b": 44}),
        xaxis=theme.axis("Δ, percent of the normalized loss", ticksuffix="%"),
        yaxis=theme.names_axis(places, [*places.values()], [len(shown) - 0.4, -0.6]),
        showlegend=True,
        legend=theme.legend(),
    )
    return figure


def _hover(model: BackTestedModel) -> str:
    return theme.lines(
        model.model,
        f"Δ {numbers.measured(model.delta.value, model.delta.sem)}",
        f"loss {numbers.loss(model.ne_before)} -> {numbers.loss(model.ne_after)}",
    )
