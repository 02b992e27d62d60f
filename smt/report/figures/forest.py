"""Every model's Δ at θ* on seeds that the search had not used."""

from dataclasses import dataclass

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import REACH, lowest_drawn, on_axis, points, whiskers
from smt.results.technique import Replication

# Pixels.
ROW = 22
AROUND = 92
# Rows between the representatives and the holdout.
GAP = 0.6
# Of a row: how far a model's seeds are below its mean.
APART = 0.28


@dataclass(frozen=True)
class Placed:
    """A model, and the row that it is drawn in.

    Attributes:
        delta, sem: Over the seeds, percent; None where one failed.
        by_seed: Percent; None where that seed failed.
    """

    model: str
    delta: float | None
    sem: float | None
    by_seed: tuple[float | None, ...]
    row: float


def forest_figure(
    representatives: Replication | None, holdout: Replication | None, alpha: float
) -> go.Figure:
    """Δ, percent, with its 95% interval and a dot a seed, from the model that gains most.

    The holdout is below, in its own order. Models that failed are crosses at 0, those that
    diverged triangles on the left edge.

    Args:
        alpha: Percent; within ±α, shaded, a model is neutral, left of it it regresses.
    """
    above, below = _place(representatives, 0.0), _place(holdout, 0.0)
    if above and below:
        below = _place(holdout, len(above) + GAP)
    everything = [*above, *below]
    figure = go.Figure()
    figure.add_vrect(x0=-alpha, x1=alpha, fillcolor=theme.GRID, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": theme.FAINT, "width": 1})
    figure.add_vline(x=-alpha, line={"color": theme.WARNING, "width": 1.3, "dash": "dash"})
    low = _lowest(everything, alpha)
    figure.add_trace(_seeds(everything, low))
    if above:
        figure.add_trace(_means("representatives", above, theme.ACCENT, "circle", low))
    if below:
        figure.add_trace(_means("holdout", below, theme.INK, "diamond", low))
    if any(model.delta is None for model in everything):
        figure.add_trace(_failed(everything))
    last = everything[-1].row
    figure.update_layout(
        **theme.frame(AROUND + round(ROW * (last + 1)), margin={"l": 8, "r": 24, "t": 36, "b": 48}),
        xaxis=theme.axis(
            "Δ", ticksuffix="%", tickformat="+.2f", range=_range(everything, alpha, low)
        ),
        yaxis=theme.names_axis(
            [model.model for model in everything],
            [model.row for model in everything],
            [last + 0.7, -0.7],
        ),
        showlegend=True,
        legend=theme.legend(),
    )
    return figure


def _place(replication: Replication | None, first: float) -> list[Placed]:
    """The models from the largest Δ, failed ones last, a row each."""
    if replication is None:
        return []
    ranked = sorted(
        replication.deltas.items(),
        key=lambda pair: (pair[1].value is None, -(pair[1].value or 0.0)),
    )
    return [
        Placed(
            model=model,
            delta=delta.value,
            sem=delta.sem,
            by_seed=tuple(deltas[model].value for deltas in replication.by_seed),
            row=first + place,
        )
        for place, (model, delta) in enumerate(ranked)
    ]


def _lowest(placed: list[Placed], alpha: float) -> float:
    seeds = [delta for model in placed for delta in model.by_seed]
    return lowest_drawn([*seeds, *(model.delta for model in placed)], -alpha, alpha)


def _range(placed: list[Placed], alpha: float, low: float) -> list[float]:
    ends = [-alpha, alpha, low]
    for model in placed:
        ends += [delta for delta in model.by_seed if delta is not None and delta >= low]
        if model.delta is not None and model.delta >= low:
            reach = REACH * (model.sem or 0.0)
            ends += [model.delta - reach, model.delta + reach]
    return theme.around(ends)


def _means(name: str, placed: list[Placed], color: str, symbol: str, low: float) -> go.Scatter:
    known = [model for model in placed if model.delta is not None]
    deltas, sems = [model.delta for model in known], [model.sem for model in known]
    marks = on_axis(deltas, low, sems=sems, symbol=symbol)
    return points(
        marks.places,
        [model.row for model in known],
        [_hover(model) for model in known],
        {"size": 9, "color": color, "symbol": marks.symbols},
        name=name,
        error_x=whiskers(marks.sems, color),
    )


def _seeds(placed: list[Placed], low: float) -> go.Scatter:
    dots = [
        (delta, model.row, model.model)
        for model in placed
        for delta in model.by_seed
        if delta is not None
    ]
    return points(
        on_axis([delta for delta, _, _ in dots], low).places,
        [row + APART for _, row, _ in dots],
        [theme.lines(model, f"Δ {numbers.percent(delta)}") for delta, _, model in dots],
        {"size": 4, "color": theme.MUTED, "opacity": 0.6},
        name="one seed",
    )


def _failed(placed: list[Placed]) -> go.Scatter:
    failed = [model for model in placed if model.delta is None]
    return points(
        [0.0] * len(failed),
        [model.row for model in failed],
        [theme.lines(model.model, "failed on a seed") for model in failed],
        {"symbol": "x-thin", "size": 8, "line": {"color": theme.WARNING, "width": 2}},
        name="failed",
    )


def _hover(model: Placed) -> str:
    return theme.lines(
        model.model,
        f"Δ {numbers.measured(model.delta, model.sem)}",
        "by seed " + ", ".join(numbers.percent(delta) for delta in model.by_seed),
    )
