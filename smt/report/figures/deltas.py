"""A technique's trials on every representative model, as a heat map."""

import math

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.marks import lowest_drawn
from smt.report.figures.theme import (
    DIVERGING,
    INK,
    MUTED,
    WARNING,
    axis,
    frame,
    label,
    lines,
)
from smt.results.generalization import Cell, Technique, Trial

# Pixels.
ROW = 18
LEAST_HEIGHT = 130
COLUMN = 110
PLOT_WIDTH = 880
CHARACTER = 6.6
# Degrees.
TILT = 38
QUANTILE = 0.95


def delta_figure(technique: Technique) -> go.Figure:
    """Δ, percent, of every trial (row) on every representative model (column).

    Colours are symmetric about 0 and saturate at `colour_limit`. Failed evaluations are
    crosses, cells that were not evaluated blank.
    """
    trials = technique.trials
    models = [cell.model for cell in trials[0].cells]
    limit = colour_limit(technique)
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.delta for cell in trial.cells] for trial in trials],
            zmin=-limit,
            zmax=limit,
            colorscale=DIVERGING,
            xgap=1,
            ygap=1,
            hovertext=[[_hover(cell, trial) for cell in trial.cells] for trial in trials],
            hoverinfo="text",
            hoverongaps=False,
            colorbar={
                "title": {"text": "Δ", "side": "top"},
                "ticksuffix": "%",
                "tickformat": "+.2f",
                "thickness": 12,
                "outlinewidth": 0,
                "len": 1.0,
                "tickfont": {"size": 11},
                "nticks": 6,
            },
        )
    )
    figure.add_trace(_failures(technique))
    row = [trial.number for trial in trials].index(technique.shown.number)
    figure.add_shape(
        type="rect",
        x0=-0.5,
        x1=len(models) - 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": INK, "width": 2, "dash": "solid" if technique.feasible else "dot"},
    )
    margin = _margin(models)
    figure.update_layout(
        **frame(margin["t"] + margin["b"] + max(LEAST_HEIGHT, len(trials) * ROW), margin=margin),
        xaxis=axis(
            side="top",
            tickangle=-TILT,
            tickvals=list(range(len(models))),
            ticktext=[label(model) for model in models],
            range=[-0.5, len(models) - 0.5],
            showgrid=False,
            showline=False,
            automargin=False,
        ),
        yaxis=axis(
            "trial",
            tickvals=list(range(len(trials))),
            ticktext=[_row_name(trial, technique) for trial in trials],
            range=[len(trials) - 0.5, -0.5],
            showgrid=False,
            showline=False,
        ),
        showlegend=False,
    )
    return figure


def delta_width(technique: Technique) -> int:
    """The most pixels that the heat map needs: few columns would be needlessly wide."""
    models = [cell.model for cell in technique.trials[0].cells]
    margin = _margin(models)
    return margin["l"] + margin["r"] + len(models) * COLUMN


def colour_limit(technique: Technique) -> float:
    """The |Δ|, percent, at which colours saturate: all but the largest twentieth are below.

    Networks that diverged do not count.
    """
    deltas = [
        cell.delta for trial in technique.trials for cell in trial.cells if cell.delta is not None
    ]
    low = lowest_drawn(deltas, 0.0)
    sizes = sorted(abs(delta) for delta in deltas if delta >= low)
    if not sizes:
        return 1.0
    return sizes[math.ceil(QUANTILE * len(sizes)) - 1] or 1.0


def _failures(technique: Technique) -> go.Scatter:
    failed = [
        (column, row, cell, trial)
        for row, trial in enumerate(technique.trials)
        for column, cell in enumerate(trial.cells)
        if cell.failure is not None
    ]
    return go.Scatter(
        x=[column for column, _, _, _ in failed],
        y=[row for _, row, _, _ in failed],
        mode="markers",
        marker={"symbol": "x-thin", "size": 8, "line": {"color": WARNING, "width": 2}},
        hovertext=[_hover(cell, trial) for _, _, cell, trial in failed],
        hoverinfo="text",
    )


def _row_name(trial: Trial, technique: Technique) -> str:
    if trial.number != technique.shown.number:
        return str(trial.number)
    return f"<b>{'θ*' if technique.feasible else 'nearest'} {trial.number}</b>"


def _margin(models: list[str]) -> dict[str, int]:
    """Room for the tilted names, which begin above their column and end right of it."""
    length = CHARACTER * max(map(len, models)) + 12
    tilt = math.radians(TILT)
    overhang = length * math.cos(tilt) - min(COLUMN, PLOT_WIDTH / len(models)) / 2
    return {
        "l": 92,
        "r": max(84, round(overhang) + 8),
        "t": round(length * math.sin(tilt)) + 16,
        "b": 12,
    }


def _hover(cell: Cell, trial: Trial) -> str:
    if cell.failure is not None:
        found = [f"failed: {cell.failure}"]
    else:
        found = [
            f"Δ {numbers.percent(cell.delta)} ± {numbers.spread(cell.sem)}",
            f"NE {numbers.entropy(cell.ne)}",
        ]
    text = lines(f"{cell.model}, trial {trial.number}", *found)
    return f"{text}<br><span style='color:{MUTED}'>{label(numbers.theta(trial.theta))}</span>"
