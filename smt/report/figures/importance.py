"""The importance of features of one type."""

from collections.abc import Sequence

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import error_bars, points
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
        for place, feature in zip(places, shown, strict=True)
        for model, value in feature.by_model.items()
    ]
    colours = [theme.ACCENT if feature.importance > 0 else theme.FAINT for feature in shown]
    figure = go.Figure(
        [
            go.Bar(
                x=[feature.importance for feature in shown],
                y=places,
                orientation="h",
                width=0.62,
                marker={"color": colours, "opacity": 0.75},
                error_x=error_bars(
                    [feature.sem for feature in shown], theme.INK, thickness=1, width=3
                ),
                hovertext=[_hover(feature) for feature in shown],
                hoverinfo="text",
            ),
            points(
                [value for _, _, value in dots],
                [place for place, _, _ in dots],
                [theme.lines(model, numbers.percent(value)) for _, model, value in dots],
                {"size": 5, "color": theme.MUTED, "opacity": 0.7},
            ),
        ]
    )
    figure.add_vline(x=0, line={"color": theme.MUTED, "width": 1})
    figure.update_layout(
        **theme.frame(AROUND + ROW * len(shown), margin={"l": 8, "r": 24, "t": 8, "b": 44}),
        xaxis=theme.axis("importance, percent of the normalized loss", ticksuffix="%"),
        yaxis=theme.names_axis(
            (feature.feature for feature in shown), places, [len(shown) - 0.4, -0.6]
        ),
        showlegend=False,
    )
    return figure


def _hover(feature: RankedFeature) -> str:
    return f"<b>{theme.label(feature.feature)}</b><br>" + theme.lines(
        numbers.measured(feature.importance, feature.sem),
        f"mean of {numbers.plural(len(feature.by_model), 'model')}",
    )
