"""The fleet in two dimensions (Fig. 4 of the paper), and how many clusters it has."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.contents import Model, Run
from smt.report.packing import Point, pack
from smt.report.theme import ACCENT, CLUSTERS, INK, MUTED, axis, frame, label, lines

HEIGHT = 520
AREA = (480.0, 280.0)


def fleet_figure(run: Run) -> go.Figure:
    """Every model at its place on two principal axes, coloured by cluster.

    Representatives are large and carry their row number of the representatives' table.
    """
    places = pack(run.models, AREA)
    rank = {each.model: index for index, each in enumerate(run.representatives, 1)}
    by_cluster = {model.cluster: model.model for model in run.models if model.representative}
    hover = [_hover(model, by_cluster[model.cluster], rank) for model in run.models]
    members = [index for index, model in enumerate(run.models) if not model.representative]
    chosen = [index for index, model in enumerate(run.models) if model.representative]
    figure = go.Figure(
        [
            _dots(run.models, places, hover, members),
            _numbered(run.models, places, hover, chosen, rank),
        ]
    )
    bare = {"showticklabels": False, "showgrid": False, "automargin": False}
    xs, ys = zip(*places, strict=True)
    figure.update_layout(
        **frame(HEIGHT, margin={"l": 32, "r": 8, "t": 8, "b": 32}),
        xaxis=axis("first principal axis", range=[min(xs) - 16, max(xs) + 16], **bare),
        yaxis=axis(
            "second principal axis",
            range=[min(ys) - 16, max(ys) + 16],
            scaleanchor="x",
            **bare,
        ),
        showlegend=False,
    )
    return figure


def elbow_figure(run: Run) -> go.Figure:
    """k-means inertia over k, with the k of this run marked."""
    k = len(run.representatives)
    figure = go.Figure(
        go.Scatter(
            x=list(run.inertias),
            y=list(run.inertias.values()),
            mode="lines+markers",
            line={"color": MUTED, "width": 1.5},
            marker={"size": 5, "color": MUTED},
            hovertemplate="k = %{x}<br>inertia %{y:.3f}<extra></extra>",
        )
    )
    figure.add_vline(x=k, line={"color": ACCENT, "width": 1.3, "dash": "dash"})
    if k in run.inertias:
        figure.add_trace(
            go.Scatter(
                x=[k],
                y=[run.inertias[k]],
                mode="markers",
                marker={"size": 11, "color": ACCENT, "line": {"color": "white", "width": 1.5}},
                hovertemplate="k = %{x}<br>inertia %{y:.3f}<extra></extra>",
            )
        )
    right = k > max(run.inertias) / 2
    figure.add_annotation(
        text=f"<b>k = {k}</b>",
        x=k,
        y=1,
        yref="paper",
        yanchor="top",
        xanchor="right" if right else "left",
        xshift=-6 if right else 6,
        showarrow=False,
        font={"color": ACCENT},
    )
    figure.update_layout(
        **frame(HEIGHT, margin={"l": 56, "r": 12, "t": 8, "b": 48}),
        xaxis=axis("number of clusters k", tickformat="d", showgrid=False),
        yaxis=axis("k-means inertia", rangemode="tozero"),
        showlegend=False,
    )
    return figure


def _dots(
    models: Sequence[Model], places: list[Point], hover: list[str], shown: list[int]
) -> go.Scatter:
    return go.Scatter(
        x=[places[index][0] for index in shown],
        y=[places[index][1] for index in shown],
        mode="markers",
        marker={
            "size": 8,
            "color": [_colour(models[index]) for index in shown],
            "opacity": 0.6,
        },
        hovertext=[hover[index] for index in shown],
        hoverinfo="text",
    )


def _numbered(
    models: Sequence[Model],
    places: list[Point],
    hover: list[str],
    shown: list[int],
    rank: dict[str, int],
) -> go.Scatter:
    return go.Scatter(
        x=[places[index][0] for index in shown],
        y=[places[index][1] for index in shown],
        mode="markers+text",
        text=[f"<b>{rank[models[index].model]}</b>" for index in shown],
        textfont={"size": 10, "color": "white"},
        marker={
            "size": 18,
            "color": [_colour(models[index]) for index in shown],
            "line": {"color": INK, "width": 1.5},
        },
        hovertext=[hover[index] for index in shown],
        hoverinfo="text",
    )


def _colour(model: Model) -> str:
    return CLUSTERS[model.cluster % len(CLUSTERS)]


def _hover(model: Model, representative: str, rank: dict[str, int]) -> str:
    head = f"<b>{label(model.model)}</b>"
    facts = lines(
        f"stage: {model.stage}",
        f"inference FLOPs: {numbers.count(model.inference_flops)}",
        f"inference hardware: {model.inference_hardware}",
        f"event: {model.event}",
        f"surface: {model.surface}",
        f"data constraint: {model.data_constraint}",
        f"represented by {rank[representative]}: {representative}",
    )
    return f"{head}<br>{facts}"
