"""What every hyperparameter of a technique does to μ, and to each model."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import error_bars, points
from smt.results.sensitivity import HyperparameterSensitivity

# Pixels.
ROW = 44
AROUND = 92
# Hyperparameter -> what is known of it.
Sensitivities = Mapping[str, HyperparameterSensitivity]
# Of a row: how far the models' dots are below its middle.
APART = 0.24
MARKS = {
    "expose": {"symbol": "circle", "color": theme.ACCENT},
    "standardize": {"symbol": "circle-open", "color": theme.ACCENT},
    "undecided": {"symbol": "circle-open-dot", "color": theme.WARNING},
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
    figure.add_vrect(x0=-abs(tau), x1=abs(tau), fillcolor=theme.GRID, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": theme.FAINT, "width": 1})
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
        **theme.frame(AROUND + ROW * len(known), margin={"l": 8, "r": 24, "t": 36, "b": 48}),
        xaxis=theme.axis(
            "β: change of μ across the hyperparameter's domain",
            ticksuffix="%",
            tickformat="+.2f",
            range=theme.around([-abs(tau), abs(tau), *ends]),
        ),
        yaxis=theme.names_axis(rows, [*rows.values()], [len(known) - 0.5, -0.5]),
        showlegend=True,
        legend=theme.legend(),
    )
    return figure


def _of_mean(decision: str, decided: Sensitivities, rows: dict[str, int]) -> go.Scatter:
    mark = MARKS[decision]
    ends = [sensitivity.interval or (None, None) for sensitivity in decided.values()]
    centres = [sensitivity.beta or 0.0 for sensitivity in decided.values()]
    above = [
        None if high is None else high - centre
        for (_, high), centre in zip(ends, centres, strict=True)
    ]
    below = [
        None if low is None else centre - low
        for (low, _), centre in zip(ends, centres, strict=True)
    ]
    bars = {"symmetric": False, "arrayminus": below, "thickness": 1.4, "width": 4}
    return points(
        centres,
        [rows[name] for name in decided],
        [_hover(name, sensitivity) for name, sensitivity in decided.items()],
        {"size": 11, **mark, "line": {"width": 2, "color": mark["color"]}},
        name=decision,
        error_x=error_bars(above, mark["color"], **bars),
    )


def _of_models(known: Sensitivities, rows: dict[str, int], models: Sequence[str]) -> go.Scatter:
    dots = [
        (beta, rows[name] + APART, model)
        for name, sensitivity in known.items()
        # Empty where unknown.
        for model, beta in zip(models, sensitivity.model_betas, strict=False)
        if beta is not None
    ]
    return points(
        [beta for beta, _, _ in dots],
        [place for _, place, _ in dots],
        [theme.lines(model, f"β {numbers.percent(beta)}") for beta, _, model in dots],
        {"size": 5, "color": theme.MUTED, "opacity": 0.6},
        name="a model's own β",
    )


def _hover(name: str, sensitivity: HyperparameterSensitivity) -> str:
    return theme.lines(
        f"{name}: {sensitivity.decision}",
        f"β {numbers.percent(sensitivity.beta)}, interval {numbers.interval(sensitivity.interval)}",
        *(
            f"{numbers.short(tried.value)}: {numbers.percent(tried.effect)}"
            for tried in sensitivity.effects
        ),
    )
