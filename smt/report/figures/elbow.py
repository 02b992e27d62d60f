"""How many clusters a fleet has."""

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from smt.report.figures.fleet import HEIGHT
from smt.report.figures.theme import ACCENT, MUTED, axis, frame


def elbow_figure(
    inertias: Mapping[int, float], silhouettes: Mapping[int, float], k: int
) -> go.Figure:
    """k-means inertia over the number of clusters, below it the mean silhouette; k is marked."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=(0.6, 0.4))
    for row, (name, curve) in enumerate((("inertia", inertias), ("silhouette", silhouettes)), 1):
        hover = f"k = %{{x}}<br>{name} %{{y:.3f}}<extra></extra>"
        figure.add_scatter(
            x=list(curve),
            y=list(curve.values()),
            mode="lines+markers",
            line={"color": MUTED, "width": 1.5},
            marker={"size": 5, "color": MUTED},
            hovertemplate=hover,
            row=row,
            col=1,
        )
        if k in curve:
            figure.add_scatter(
                x=[k],
                y=[curve[k]],
                mode="markers",
                marker={"size": 11, "color": ACCENT, "line": {"color": "white", "width": 1.5}},
                hovertemplate=hover,
                row=row,
                col=1,
            )
    figure.add_vline(x=k, line={"color": ACCENT, "width": 1.3, "dash": "dash"})
    right = k > max(inertias) / 2
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
        xaxis=axis(showgrid=False),
        xaxis2=axis("number of clusters k", tickformat="d", showgrid=False),
        yaxis=axis("k-means inertia", rangemode="tozero"),
        yaxis2=axis("mean silhouette"),
        showlegend=False,
    )
    return figure
