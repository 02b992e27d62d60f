"""What every hyperparameter of a technique does to μ, and to each model."""

from collections.abc import Mapping, Sequence

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
    legend,
    lines,
)
from smt.results.sensitivity import HyperparameterSensitivity

# Pixels.
ROW = 44
AROUND = 92
# Hyperparameter -> what is known of it.
Sensitivities = Mapping[str, HyperparameterSensitivity]
# Of a row: how far the models' dots are below its middle.
APART = 0.24
MARKS = {
    "expose": {"symbol": "circle", "color": ACCENT},
    "standardize": {"symbol": "circle-open", "color": ACCENT},
    "undecided": {"symbol": "circle-open-dot", "color": WARNING},
}


def sensitivity_figure(
    sensitivities: Sensitivities, tau: float, models: Sequence[str]
) -> go.Figure | None:
    """β, percent, of every hyperparameter with its interval, and the models' own as dots.

    Args:
        tau: Percent; within ±τ, shaded, a hyperparameter hardly moves μ.
        models: Names of the representatives.

    Returns:
        None where no β is known.
    """
    known = {
        name: sensitivity
        for name, sensitivity in sensitivities.items()
        if sensitivity.beta is not None
    }
    if not known:
        return None
    ends = [
        end
        for sensitivity in known.values()
        for end in (sensitivity.beta, *sensitivity.model_betas, *(sensitivity.interval or ()))
    ]
    rows = {name: row for row, name in enumerate(known)}
    figure = go.Figure()
    figure.add_vrect(x0=-abs(tau), x1=abs(tau), fillcolor=GRID, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": FAINT, "width": 1})
    figure.add_trace(_of_models(known, rows, models))
    for decision in MARKS:
        decided = {
            name: sensitivity
            for name, sensitivity in known.items()
            if sensitivity.decision == decision
        }
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
        legend=legend(),
    )
    return figure


def _of_mean(decision: str, decided: Sensitivities, rows: dict[str, int]) -> go.Scatter:
    mark = MARKS[decision]
    ends = [sensitivity.interval or (None, None) for sensitivity in decided.values()]
    centres = [sensitivity.beta or 0.0 for sensitivity in decided.values()]
    return go.Scatter(
        name=decision,
        x=centres,
        y=[rows[name] for name in decided],
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
        hovertext=[_hover(name, sensitivity) for name, sensitivity in decided.items()],
        hoverinfo="text",
    )


def _of_models(known: Sensitivities, rows: dict[str, int], models: Sequence[str]) -> go.Scatter:
    dots = [
        (beta, rows[name] + APART, model)
        for name, sensitivity in known.items()
        # Empty where unknown.
        for model, beta in zip(models, sensitivity.model_betas, strict=False)
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


def _hover(name: str, sensitivity: HyperparameterSensitivity) -> str:
    return lines(
        f"{name}: {sensitivity.decision}",
        f"β {numbers.percent(sensitivity.beta)}, interval {numbers.interval(sensitivity.interval)}",
        *(
            f"{numbers.short(tried.value)}: {numbers.percent(tried.effect)}"
            for tried in sensitivity.effects
        ),
    )
