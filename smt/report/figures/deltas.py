"""A technique's trials on every representative model, as a heat map."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import lowest_drawn, points
from smt.results.run_reading import EvaluationRow
from smt.results.technique import TechniqueRecord, TrialRecord

# Pixels.
ROW = 18
LEAST_HEIGHT = 130
COLUMN = 110
PLOT_WIDTH = 880
CHARACTER = 6.6
# Degrees.
TILT = 38
QUANTILE = 0.95

# `[trials, models]`; see `smt.results.run_reading.Run.searched`.
Searched = Sequence[Sequence[EvaluationRow]]


def delta_figure(technique: TechniqueRecord, searched: Searched) -> go.Figure:
    """Δ, percent, of every trial (row) on every representative model (column).

    Colours are symmetric about 0 and saturate at `colour_limit`. Failed evaluations are
    crosses, cells that were not evaluated blank.
    """
    trials = technique.trials
    models = [cell.model for cell in searched[0]]
    limit = colour_limit(searched)
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.delta.value for cell in cells] for cells in searched],
            zmin=-limit,
            zmax=limit,
            colorscale=theme.DIVERGING,
            xgap=1,
            ygap=1,
            hovertext=[[_hover(cell) for cell in cells] for cells in searched],
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
    figure.add_trace(_failures(searched))
    row = [trial.number for trial in trials].index(technique.shown.number)
    figure.add_shape(
        type="rect",
        x0=-0.5,
        x1=len(models) - 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": theme.INK, "width": 2, "dash": "solid" if technique.feasible else "dot"},
    )
    margin = _margin(models)
    figure.update_layout(
        **theme.frame(
            margin["t"] + margin["b"] + max(LEAST_HEIGHT, len(trials) * ROW), margin=margin
        ),
        xaxis=theme.axis(
            side="top",
            tickangle=-TILT,
            tickvals=list(range(len(models))),
            ticktext=[theme.label(model) for model in models],
            range=[-0.5, len(models) - 0.5],
            showgrid=False,
            showline=False,
            automargin=False,
        ),
        yaxis=theme.axis(
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


def delta_width(models: Sequence[str]) -> int:
    """The most pixels that the heat map needs: few columns would be needlessly wide."""
    margin = _margin(models)
    return margin["l"] + margin["r"] + len(models) * COLUMN


def colour_limit(searched: Searched) -> float:
    """The |Δ|, percent, at which colours saturate: all but the largest twentieth are below.

    Networks that diverged do not count.
    """
    deltas = [
        cell.delta.value for cells in searched for cell in cells if cell.delta.value is not None
    ]
    low = lowest_drawn(deltas, 0.0)
    sizes = sorted(abs(delta) for delta in deltas if delta >= low)
    if not sizes:
        return 1.0
    return sizes[math.ceil(QUANTILE * len(sizes)) - 1] or 1.0


def _failures(searched: Searched) -> go.Scatter:
    failed = [
        (column, row, cell)
        for row, cells in enumerate(searched)
        for column, cell in enumerate(cells)
        if cell.delta.status == "failed"
    ]
    return points(
        [column for column, _, _ in failed],
        [row for _, row, _ in failed],
        [_hover(cell) for _, _, cell in failed],
        {"symbol": "x-thin", "size": 8, "line": {"color": theme.WARNING, "width": 2}},
    )


def _row_name(trial: TrialRecord, technique: TechniqueRecord) -> str:
    if trial.number != technique.shown.number:
        return str(trial.number)
    return f"<b>{'θ*' if technique.feasible else 'nearest'} {trial.number}</b>"


def _margin(models: Sequence[str]) -> dict[str, int]:
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


def _hover(cell: EvaluationRow) -> str:
    if cell.delta.status == "failed":
        facts = [f"failed: {cell.delta.reason}"]
    else:
        facts = [
            f"Δ {numbers.measured(cell.delta.value, cell.delta.sem)}",
            f"loss {numbers.loss(cell.ne)}",
        ]
    text = theme.lines(f"{cell.model}, trial {cell.trial}", *facts)
    theta = theme.label(numbers.theta(cell.theta))
    return f"{text}<br><span style='color:{theme.MUTED}'>{theta}</span>"
