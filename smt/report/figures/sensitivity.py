"""What every hyperparameter of a technique does to μ, and to each model."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.theme import (
    ACCENT,
    FAINT,
    GRID,
    MUTED,
    WARNING,
    around,
    axis,
    frame,
    label,
    lines,
)
from smt.results.generalization import Sensitivity

# Pixels.
ROW = 44
AROUND = 92
# Of a row: how far the models' dots are below its middle.
APART = 0.24
MARKS = {
    "expose": {"symbol": "circle", "color": ACCENT},
    "standardize": {"symbol": "circle-open", "color": ACCENT},
    "undecided": {"symbol": "circle-open-dot", "color": WARNING},
}


def sensitivity_figure(
    found: Sequence[Sensitivity], tau: float, models: Sequence[str]
) -> go.Figure | None:
    """β, percent, of every hyperparameter with its interval, and the models' own as dots.

    Args:
        tau: Percent; within ±τ, shaded, a hyperparameter hardly moves μ.
        models: Names of the representatives.

    Returns:
        None where no β is known.
    """
    known = [each for each in found if each.beta is not None]
    if not known:
        return None
    ends = [end for each in known for end in (each.beta, *each.model_betas, *(each.interval or ()))]
    rows = {each.hyperparameter: row for row, each in enumerate(known)}
    figure = go.Figure()
    figure.add_vrect(x0=-abs(tau), x1=abs(tau), fillcolor=GRID, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    figure.add_trace(_of_models(known, rows, models))
    for decision in MARKS:
        decided = [each for each in known if each.decision == decision]
        if decided:
            figure.add_trace(_of_mean(decision, decided, rows))
    figure.update_layout(
        **frame(AROUND + ROW * len(known), margin={"l": 8, "r": 24, "t": 36, "b": 48}),
        xaxis=axis(
            "β: change of μ across the hyperparameter's domain",
            ticksuffix="%",
            tickformat="+.2f",
            range=around([-abs(tau), abs(tau), *ends]),
        ),
        yaxis=axis(
            tickvals=list(rows.values()),
            ticktext=[label(name) for name in rows],
            range=[len(known) - 0.5, -0.5],
            showgrid=False,
        ),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
    )
    return figure


def _of_mean(decision: str, found: list[Sensitivity], rows: dict[str, int]) -> go.Scatter:
    mark = MARKS[decision]
    ends = [each.interval or (None, None) for each in found]
    centres = [each.beta or 0.0 for each in found]
    return go.Scatter(
        name=decision,
        x=centres,
        y=[rows[each.hyperparameter] for each in found],
        mode="markers",
        marker={"size": 11, **mark, "line": {"width": 2, "color": mark["color"]}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [
                None if high is None else high - centre
                for (_, high), centre in zip(ends, centres, strict=True)
            ],
            "arrayminus": [
                None if low is None else centre - low
                for (low, _), centre in zip(ends, centres, strict=True)
            ],
            "color": mark["color"],
            "thickness": 1.4,
            "width": 4,
        },
        hovertext=[_hover(each) for each in found],
        hoverinfo="text",
    )


def _of_models(found: list[Sensitivity], rows: dict[str, int], models: Sequence[str]) -> go.Scatter:
    dots = [
        (beta, rows[each.hyperparameter] + APART, model)
        for each in found
        # Empty where unknown.
        for model, beta in zip(models, each.model_betas, strict=False)
        if beta is not None
    ]
    return go.Scatter(
        name="a model's own β",
        x=[beta for beta, _, _ in dots],
        y=[place for _, place, _ in dots],
        mode="markers",
        marker={"size": 5, "color": MUTED, "opacity": 0.6},
        hovertext=[lines(model, f"β {numbers.percent(beta)}") for beta, _, model in dots],
        hoverinfo="text",
    )


def _hover(found: Sensitivity) -> str:
    return lines(
        f"{found.hyperparameter}: {found.decision}",
        f"β {numbers.percent(found.beta)}, interval {numbers.interval(found.interval)}",
        *(
            f"{numbers.short(each['value'])}: {numbers.percent(each['effect'])}"
            for each in found.effects
        ),
    )
