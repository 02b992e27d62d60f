"""The largest gain of a fleet at every cost of serving."""

from math import log10

import plotly.graph_objects as go

from smt.report import numbers
from smt.report.figures.marks import points
from smt.report.figures.theme import ACCENT, MUTED, axis, frame, lines
from smt.results.capacity import CapacityResult

HEIGHT = 380


def frontier_figure(result: CapacityResult) -> go.Figure:
    """Mean Δ by traffic over the fleet's FLOPs as a multiple of today's; the choice is marked."""
    figure = go.Figure()
    costs, gains = zip(*((point.cost, point.gain) for point in result.frontier), strict=True)
    hovers = [_hover(point.cost, point.gain) for point in result.frontier]
    line = points(costs, gains, hovers, {"size": 5, "color": MUTED})
    figure.add_trace(line.update(mode="lines+markers", line={"color": MUTED, "width": 1}))
    for place, gain, name, colour, above in (
        (1.0, 0.0, "today", MUTED, -16),
        (result.cost, result.gain, "the choice", ACCENT, 16),
    ):
        hover = lines(name, _hover(place, gain))
        figure.add_trace(points([place], [gain], [hover], {"size": 11, "color": colour}))
        # On a logarithmic axis an annotation is placed by the exponent.
        figure.add_annotation(
            x=log10(place), y=gain, text=name, showarrow=False, yshift=above, font={"color": colour}
        )
    figure.add_vline(x=result.budget, line={"color": ACCENT, "dash": "dash", "width": 1})
    figure.update_layout(
        frame(HEIGHT, showlegend=False),
        xaxis=axis("FLOPs of the fleet, over today's", type="log", tickformat="~g"),
        yaxis=axis("mean Δ by traffic, percent of the normalized loss", ticksuffix="%"),
    )
    return figure


def _hover(cost: float, gain: float) -> str:
    return lines(f"{cost:.3g} x today", numbers.percent(gain))
