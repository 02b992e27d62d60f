"""The fleet in two dimensions (Fig. 4 of the paper)."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.marks import points
from smt.report.figures.packing import pack
from smt.report.figures.theme import CLUSTERS, INK, axis, frame, label, lines
from smt.results.run_reading import Model

HEIGHT = 520
AREA = (480.0, 280.0)
MAX_DRAWN = 2000


def fleet_figure(models: Sequence[Model], representatives: Sequence[str]) -> go.Figure:
    """Every model at its place on two principal axes, coloured by cluster.

    Representatives are large and carry their row number of the representatives' table. Of more
    than 2,000 models, evenly spaced ones are drawn.
    """
    models = drawn(models)
    places = pack(models, AREA)
    rank = {model: index for index, model in enumerate(representatives, 1)}
    by_cluster = {model.cluster: model.model for model in models if model.representative}
    hover = [_hover(model, by_cluster[model.cluster], rank) for model in models]
    members = [index for index, model in enumerate(models) if not model.representative]
    chosen = [index for index, model in enumerate(models) if model.representative]

    def marks(shown: list[int], marker: dict[str, Any], **changes: Any) -> go.Scatter:
        colours = [CLUSTERS[models[index].cluster % len(CLUSTERS)] for index in shown]
        return points(
            [places[index][0] for index in shown],
            [places[index][1] for index in shown],
            [hover[index] for index in shown],
            {"color": colours, **marker},
            **changes,
        )

    figure = go.Figure(
        [
            marks(members, {"size": 8, "opacity": 0.6}),
            marks(
                chosen,
                {"size": 18, "line": {"color": INK, "width": 1.5}},
                mode="markers+text",
                text=[f"<b>{rank[models[index].model]}</b>" for index in chosen],
                textfont={"size": 10, "color": "white"},
            ),
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


def drawn(models: Sequence[Model]) -> list[Model]:
    """All representatives, and as many others as a page can hold."""
    others = sum(not model.representative for model in models)
    step = max(1, math.ceil(others / MAX_DRAWN))
    number = itertools.count()
    return [model for model in models if model.representative or next(number) % step == 0]


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
