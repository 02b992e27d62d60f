"""A technique's search: what every trial was worth."""

from typing import Any

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import SPREAD, error_bars, lowest_drawn, on_axis, points
from smt.results.technique import TechniqueRecord, TrialRecord

LABELS = 30


def trials_figure(technique: TechniqueRecord, tau: float) -> go.Figure:
    """A of every feasible trial, μ of the others, the best A so far, and τ.

    x is the trial's number, y is percent. Points far below the rest sit on the lower edge
    as triangles, so that one bad θ does not flatten the picture. Trials without a μ are there
    too: crosses where a model failed, bars where the trial was rejected early.
    """
    low, high = _range(technique, tau)
    feasible = [trial for trial in technique.trials if trial.value is not None]
    measured = [
        trial for trial in technique.trials if trial.value is None and trial.mean is not None
    ]
    rejected = [trial for trial in technique.trials if trial.mean is None and trial.skipped]
    broken = [trial for trial in technique.trials if trial.mean is None and not trial.skipped]
    figure = go.Figure()
    figure.add_hline(y=0, line={"color": theme.FAINT, "width": 1})
    figure.add_hline(y=tau, line={"color": theme.MUTED, "width": 1.3, "dash": "dash"})
    figure.add_trace(_best_so_far(technique, low))
    hollow = {"color": theme.MUTED, "line": {"width": 1.5}}
    symbols = ("circle-open", "triangle-down-open")
    figure.add_trace(_points("infeasible: μ", measured, hollow, low, *symbols))
    if rejected:
        bars = {"symbol": "line-ew", "line": {"color": theme.MUTED, "width": 1.8}}
        figure.add_trace(_points("rejected early: no μ", rejected, bars, low))
    if broken:
        crosses = {"symbol": "x-thin", "line": {"color": theme.WARNING, "width": 1.8}}
        figure.add_trace(_points("a model failed: no μ", broken, crosses, low))
    figure.add_trace(_points("feasible: A", feasible, {"color": theme.ACCENT}, low))
    if technique.feasible:
        star = {"symbol": "star", "size": 15, "color": theme.ACCENT, "line": {"color": "white"}}
        figure.add_trace(_points("θ*", [technique.shown_trial], star, low))
    numbered = [trial.number for trial in technique.trials]
    ends = [min(numbered) - 0.6, max(numbered) + 0.6]
    figure.update_layout(
        **theme.frame(320, margin={"l": 76, "r": 96, "t": 36, "b": 48}),
        xaxis=theme.axis("trial", dtick=_step(technique), range=ends, showgrid=False),
        yaxis=theme.axis("A or μ", range=[low, high], ticksuffix="%", tickformat="+.2f"),
        showlegend=True,
        legend=theme.legend(y=1.02),
    )
    note = theme.tau_note(tau, x=1, xref="paper", xanchor="left", y=tau, xshift=6)
    figure.add_annotation(**note)
    return figure


def _range(technique: TechniqueRecord, tau: float) -> tuple[float, float]:
    """The y axis: feasible trials, 0 and τ, and the infeasible ones not far below them.

    Where a network diverged, a feasible trial may be far below too.
    """
    lowest = lowest_drawn([trial.mean for trial in technique.trials], 0.0, tau)
    shown = [trial for trial in technique.trials if trial.mean is not None and trial.mean >= lowest]
    wanted = [0.0, tau, *(trial.value for trial in shown if trial.value is not None)]
    means = sorted(trial.mean for trial in shown if trial.mean is not None)
    middle = means[len(means) // 2] if means else 0.0
    # With the bars of feasible trials: those of others may be of any length.
    bars = [t.value + (t.mean_sem or 0.0) for t in shown if t.value is not None]
    high = max([*wanted, *means, *bars])
    floor = min(*wanted, middle)
    reach = floor - SPREAD * (high - floor)
    low = min([*wanted, *(mean for mean in means if mean >= reach)])
    pad = 0.08 * (high - low or 1.0)
    return low - pad, high + pad


def _step(technique: TechniqueRecord) -> int:
    """How many trials lie between labels: one where there is room."""
    return next((step for step in (1, 5, 10, 50) if len(technique.trials) / step <= LABELS), 100)


def _points(
    name: str,
    trials: list[TrialRecord],
    marker: dict[str, Any],
    low: float,
    symbol: str = "circle",
    beyond: str = "triangle-down",
) -> go.Scatter:
    means, sems = [trial.mean for trial in trials], [trial.mean_sem for trial in trials]
    marks = on_axis(means, low, sems=sems, symbol=symbol, beyond=beyond)
    return points(
        [trial.number for trial in trials],
        [low if height is None else height for height in marks.places],
        [_hover(trial) for trial in trials],
        {"symbol": marks.symbols, "size": 8, **marker},
        name=name,
        cliponaxis=False,
        error_y=error_bars(marks.sems, theme.FAINT, thickness=1.2, width=3),
    )


def _best_so_far(technique: TechniqueRecord, low: float) -> go.Scatter:
    numbered: list[int] = []
    best: list[float] = []
    for trial in technique.trials:
        if trial.value is not None and (not best or trial.value > best[-1]):
            numbered.append(trial.number)
            best.append(max(trial.value, low))
    if best:
        numbered.append(technique.trials[-1].number)
        best.append(best[-1])
    return go.Scatter(
        name="best A so far",
        x=numbered,
        y=best,
        mode="lines",
        line={"color": theme.ACCENT, "width": 1.6, "shape": "hv"},
        opacity=0.55,
        hoverinfo="skip",
        visible=True if best else "legendonly",
        showlegend=bool(best),
    )


def _hover(trial: TrialRecord) -> str:
    return theme.lines(
        f"trial {trial.number}",
        f"A {numbers.percent(trial.value, missing=numbers.MINUS_INFINITY)}",
        f"μ {numbers.measured(trial.mean, trial.mean_sem)}",
        f"R {numbers.rate(trial.regression_rate)}: {trial.helped} helped, "
        f"{trial.neutral} neutral, {trial.regressed} regressed"
        + (f", {trial.skipped} not evaluated" if trial.skipped else ""),
        *numbers.theta(trial.theta, between="\n").split("\n"),
    )
