"""A figure as a part of a page."""

import plotly.graph_objects as go
from plotly.io import to_html

from smt.report.figures.theme import CONFIG


def embed(figure: go.Figure, name: str) -> str:
    """The figure's HTML. `name` is unique in the page; equal figures give equal HTML."""
    # A name of our own, or equal runs would leave unequal pages.
    return str(to_html(figure, config=CONFIG, include_plotlyjs=False, full_html=False, div_id=name))
