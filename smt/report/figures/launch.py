"""How a fleet's models changed under a template."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from smt.report import numbers
from smt.report.figures.marks import error_bars, lowest_drawn, on_axis, points
from smt.report.figures.theme import ACCENT, FAINT, MUTED, WARNING, axis, frame, legend, lines
from smt.results.launch import LaunchDecision
from smt.results.launch_models import LaunchedModel

HEIGHT = 420
MOST_BINS = 50
COLOURS: dict[LaunchDecision, str] = {"ships": ACCENT, "held back": WARNING, "failed": MUTED}


def instances_figure(models: Sequence[LaunchedModel], alpha: float) -> go.Figure | None:
    """Left: Δ of every model that was compared, largest first; right: how many have which.

    Rings are what all models together say of each. Models that diverged are triangles on the lower
    edge. None where no model was compared.

    Args:
        alpha: Percent; below the dashed line models regress.
    """
    compared = [(model, model.delta.value) for model in models if model.delta.value is not None]
    known = sorted(compared, key=lambda pair: -pair[1])
    if not known:
        return None
    figure = make_subplots(
        cols=2, shared_yaxes=True, horizontal_spacing=0.02, column_widths=(0.72, 0.28)
    )
    low = lowest_drawn([delta for _, delta in known], -alpha, 0.0)
    # Some three models a bin, the largest Δ included; the same for all outcomes, stacked.
    count = min(max(len(known) // 3, 1), MOST_BINS)
    edges = np.histogram_bin_edges([max(delta, low) for _, delta in known], bins=count)
    size = (edges[1] - edges[0]) * (1 + 1e-9)
    bins = {"start": edges[0], "end": edges[-1] + size / 2, "size": size}
    for outcome, colour in COLOURS.items():
        group = [
            (place, model) for place, (model, _) in enumerate(known, 1) if model.outcome == outcome
        ]
        if not group:
            continue
        deltas = [model.delta.value for _, model in group]
        sems = [model.delta.sem for _, model in group]
        marks = on_axis(deltas, low, sems=sems, beyond="triangle-down")
        of_outcome = points(
            [place for place, _ in group],
            marks.places,
            [_hover(model) for _, model in group],
            {"size": 6, "color": colour, "symbol": marks.symbols},
            name=outcome,
            error_y=error_bars(marks.sems, colour, thickness=0.6, width=0),
        )
        figure.add_trace(of_outcome, row=1, col=1)
        figure.add_histogram(
            y=marks.places,
            ybins=bins,
            marker={"color": colour},
            showlegend=False,
            hovertemplate="%{x} models<br>Δ %{y}<extra></extra>",
            row=1,
            col=2,
        )
    figure.add_trace(_told([model for model, _ in known], low), row=1, col=1)
    figure.add_hline(y=0, line={"color": FAINT, "width": 1})
    figure.add_hline(y=-alpha, line={"color": WARNING, "width": 1.3, "dash": "dash"})
    figure.update_layout(
        **frame(HEIGHT, margin={"l": 64, "r": 16, "t": 36, "b": 48}),
        barmode="stack",
        xaxis=axis("models, from the one that gains most", showgrid=False),
        xaxis2=axis("models", showgrid=False),
        yaxis=axis("Δ, percent of the normalized loss", ticksuffix="%"),
        yaxis2=axis(),
        legend=legend(),
    )
    return figure


def _told(models: Sequence[LaunchedModel], low: float) -> go.Scatter:
    """Rings of models, in this order."""
    told = [
        (place, model) for place, model in enumerate(models, 1) if model.posterior_delta is not None
    ]
    marks = on_axis([model.posterior_delta for _, model in told], low)
    return points(
        [place for place, _ in told],
        marks.places,
        [lines(model.model, f"Δ {numbers.percent(model.posterior_delta)}") for _, model in told],
        {"size": 9, "color": MUTED, "symbol": "circle-open", "line": {"width": 1.2}},
        name="as the others tell",
    )


def _hover(model: LaunchedModel) -> str:
    return lines(
        model.model,
        f"Δ {numbers.measured(model.delta.value, model.delta.sem)}",
        f"loss {numbers.loss(model.baseline_ne)} -> {numbers.loss(model.ne)}",
        *model.reasons,
    )
