"""The importance of features of one type."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.theme import ACCENT, FAINT, INK, MUTED, axis, frame, label, lines
from smt.results.importance import RankedFeature

SHOWN = 20
ROW = 26
AROUND = 72


def importance_figure(features: Sequence[RankedFeature]) -> go.Figure:
    """A bar a feature, the most important at the top, and a dot for every model.

    Args:
        features: Of one type, the most important first; the first 20 are shown.
    """
    shown = features[:SHOWN]
    places = list(range(len(shown)))
    dots = [
        (place, model, value)
        for place, each in zip(places, shown, strict=True)
        for model, value in each.by_model.items()
    ]
    figure = go.Figure(
        [
            go.Bar(
                x=[each.importance for each in shown],
                y=places,
                orientation="h",
                width=0.62,
                marker={
                    "color": [ACCENT if each.importance > 0 else FAINT for each in shown],
                    "opacity": 0.75,
                },
                error_x={
                    "type": "data",
                    "array": [each.sem for each in shown],
                    "color": INK,
                    "thickness": 1,
                    "width": 3,
                },
                hovertext=[_hover(each) for each in shown],
                hoverinfo="text",
            ),
            go.Scatter(
                x=[value for _, _, value in dots],
                y=[place for place, _, _ in dots],
                mode="markers",
                marker={"size": 5, "color": MUTED, "opacity": 0.7},
                hovertext=[lines(model, numbers.percent(value)) for _, model, value in dots],
                hoverinfo="text",
            ),
        ]
    )
    figure.add_vline(x=0, line={"color": MUTED, "width": 1})
    figure.update_layout(
        **frame(AROUND + ROW * len(shown), margin={"l": 8, "r": 24, "t": 8, "b": 44}),
        xaxis=axis("importance, percent of NE", ticksuffix="%"),
        yaxis=axis(
            tickvals=places,
            ticktext=[label(each.feature) for each in shown],
            range=[len(shown) - 0.4, -0.6],
            showgrid=False,
        ),
        showlegend=False,
    )
    return figure


def _hover(feature: RankedFeature) -> str:
    return f"<b>{label(feature.feature)}</b><br>" + lines(
        f"{numbers.percent(feature.importance)} ± {numbers.spread(feature.sem)}",
        f"mean of {numbers.plural(len(feature.by_model), 'model')}",
    )
