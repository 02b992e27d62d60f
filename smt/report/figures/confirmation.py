"""A technique's candidates: μ as the search saw it, and on fresh seeds."""

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import lowest_drawn, on_axis, points, whiskers
from smt.results.technique import Replication, TechniqueRecord

# Pixels.
ROW = 52
TOP, BOTTOM = 64, 48
# How far the legend is above the plot, which leaves room for the name of τ.
LIFT = 22
# Of a row: how far the search is drawn above its middle, and the fresh seeds below.
APART = 0.16


def confirmation_figure(technique: TechniqueRecord, tau: float) -> go.Figure:
    """μ, percent, of every candidate with its 95% interval, the most promising on top.

    Hollow is the search, filled the fresh seeds, a short bar the lower bound that the verdict
    uses. A cross on the search's μ is a candidate without a μ on fresh seeds, as a model failed;
    a triangle on the left edge one with a network that diverged.
    """
    candidates = technique.confirmation
    rows = range(len(candidates))
    measured = [row for row in rows if candidates[row].mean is not None]
    failed = [row for row in rows if candidates[row].mean is None]
    low = _lowest(technique, tau)
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": theme.FAINT, "width": 1})
    figure.add_vline(x=tau, line={"color": theme.MUTED, "width": 1.3, "dash": "dash"})
    figure.add_trace(_shifts(technique, measured, low))
    figure.add_trace(_search(technique, low))
    figure.add_trace(_fresh(technique, measured, low))
    figure.add_trace(_bounds(technique, measured, low))
    if failed:
        figure.add_trace(_failed(technique, failed, low))
    figure.update_layout(
        **theme.frame(
            TOP + BOTTOM + ROW * len(candidates), margin={"l": 64, "r": 32, "t": TOP, "b": BOTTOM}
        ),
        xaxis=theme.axis("μ", ticksuffix="%", tickformat="+.2f"),
        yaxis=theme.axis(
            tickvals=list(rows),
            ticktext=[_row_name(candidate, technique) for candidate in candidates],
            range=[len(candidates) - 0.5, -0.5],
            showgrid=False,
        ),
        showlegend=True,
        legend=theme.legend(y=1 + LIFT / (ROW * len(candidates))),
    )
    figure.add_annotation(
        text=theme.label(f"τ = {numbers.percent(tau)}"),
        x=tau,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"color": theme.MUTED, "size": 11},
    )
    return figure


def _lowest(technique: TechniqueRecord, tau: float) -> float:
    means = [technique.trial(each.trial).mean for each in technique.confirmation]
    return lowest_drawn([*means, *(each.mean for each in technique.confirmation)], 0.0, tau)


def _search(technique: TechniqueRecord, low: float) -> go.Scatter:
    trials = [technique.trial(each.trial) for each in technique.confirmation]
    sems = [trial.mean_sem for trial in trials]
    marks = on_axis([trial.mean for trial in trials], low, sems=sems)
    hover = [
        theme.lines(
            f"trial {trial.number} in the search",
            f"μ {numbers.measured(trial.mean, trial.mean_sem)}",
            f"R {numbers.rate(trial.regression_rate)}",
        )
        for trial in trials
    ]
    return points(
        marks.places,
        [row - APART for row in range(len(trials))],
        hover,
        {"symbol": "circle-open", "size": 9, "color": theme.MUTED, "line": {"width": 1.6}},
        name="in the search, which chose it",
        error_x=whiskers(marks.sems, theme.FAINT),
    )


def _fresh(technique: TechniqueRecord, measured: list[int], low: float) -> go.Scatter:
    candidates = [technique.confirmation[row] for row in measured]
    sems = [candidate.mean_sem for candidate in candidates]
    marks = on_axis([candidate.mean for candidate in candidates], low, sems=sems)
    colors = [
        theme.WARNING if candidate.value is None else theme.ACCENT for candidate in candidates
    ]
    return points(
        marks.places,
        [row + APART for row in measured],
        [_hover(candidate) for candidate in candidates],
        {"size": 10, "color": colors, "symbol": marks.symbols},
        name="on fresh seeds",
        error_x=whiskers(marks.sems, theme.INK),
    )


def _bounds(technique: TechniqueRecord, measured: list[int], low: float) -> go.Scatter:
    found = technique.confirmation
    bounds = on_axis([each.mean for each in found], low, sems=[each.lower for each in found]).sems
    rows = [row for row in measured if bounds[row] is not None]
    return go.Scatter(
        name="lower bound of the verdict",
        x=[bounds[row] for row in rows],
        y=[row + APART for row in rows],
        mode="markers",
        marker={"symbol": "line-ns", "size": 9, "line": {"color": theme.ACCENT, "width": 2.5}},
        hoverinfo="skip",
    )


def _shifts(technique: TechniqueRecord, measured: list[int], low: float) -> go.Scatter:
    """From what the search saw to what fresh seeds say."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for row in measured:
        found = technique.confirmation[row]
        means = [technique.trial(found.trial).mean, found.mean]
        xs += [*on_axis(means, low).places, None]
        ys += [row - APART, row + APART, None]
    return go.Scatter(
        x=xs,
        y=ys,
        mode="lines",
        line={"color": theme.MUTED, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )


def _failed(technique: TechniqueRecord, rows: list[int], low: float) -> go.Scatter:
    failed = [technique.confirmation[row] for row in rows]
    return points(
        on_axis([technique.trial(candidate.trial).mean for candidate in failed], low).places,
        [row + APART for row in rows],
        [_hover(candidate) for candidate in failed],
        {"symbol": "x-thin", "size": 9, "line": {"color": theme.WARNING, "width": 2}},
        name="a model failed on fresh seeds: no μ",
    )


def _row_name(candidate: Replication, technique: TechniqueRecord) -> str:
    name = f"trial {candidate.trial}"
    return f"<b>{name}</b>" if candidate.trial == technique.shown.number else name


def _hover(candidate: Replication) -> str:
    return theme.lines(
        f"trial {candidate.trial} on seeds {numbers.listing(candidate.seeds)}",
        f"μ {numbers.percent(candidate.mean)}, 95% interval {numbers.interval(candidate.interval)}",
        f"lower bound {numbers.percent(candidate.lower)}",
        f"R {numbers.rate(candidate.regression_rate)}, "
        f"P(R ≤ ε) {candidate.feasible_probability:.2f}",
        f"{candidate.helped} helped, {candidate.neutral} neutral, {candidate.regressed} regressed",
        *numbers.theta(candidate.theta, between="\n").split("\n"),
    )
