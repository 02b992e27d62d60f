"""Inference FLOPs of a fleet's models under the templates (Fig. 3 of the paper)."""

import math
from collections import defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go

from smt.fleet.model_spec import Stage
from smt.report import numbers
from smt.report.figures import theme
from smt.report.figures.marks import points
from smt.template.catalogue import catalogue
from smt.template.network_counts import Count
from smt.template.template import Paradigm

# In pixels; a mark is as large as its column leaves room for, down to a legible size.
ROW = 84
ABOVE, BELOW = 44, 48
MARK = 8.0
LEAST_MARK = 5.0
# In rows: a gap between paradigms holds the labels of limits.
GAP = 0.6
BAND = 0.78
# In decades: counts this close share a column of marks.
COLUMN = 0.02
# In decades: the axis ends this far from the outermost mark.
MARGIN = 0.16

TITLE: dict[Paradigm, str] = {
    "sparsenn": "SparseNN",
    "decoupled_sparsenn": "Decoupled SparseNN",
}
COLOUR: dict[Paradigm, str] = {"sparsenn": theme.ACCENT, "decoupled_sparsenn": theme.CLUSTERS[1]}
SYMBOL: dict[Stage, str] = {
    "retrieval": "diamond",
    "pre_ranking": "circle",
    "ranking": "circle",
}


def flops_figure(counts: Sequence[Count]) -> go.Figure:
    """A row a template, a mark a network at its FLOPs; marks of equal FLOPs stand in columns.

    Args:
        counts: At least one. Rows are in the catalogue's order.
    """
    heights = _heights(counts)
    places = _places(counts, heights)
    figure = go.Figure(
        [
            _marks(paradigm, stage, counts, places)
            for paradigm, stage in dict.fromkeys((each.paradigm, each.stage) for each in counts)
        ]
    )
    lowest, highest = (f(each.flops for each in counts) for f in (min, max))
    for template, height in heights.items():
        _add_range(figure, [each for each in counts if each.template == template], height)
    _add_limits(figure, counts, heights)
    bottom = max(heights.values()) + 1.0
    _add_span(figure, lowest, highest, bottom - 0.3)
    drawn = [lowest, highest, *(each.limit for each in counts if each.limit is not None)]
    titles = {each.template: f"{TITLE[each.paradigm]} {each.scale.title()}" for each in counts}
    figure.update_layout(
        **theme.frame(
            round(ABOVE + ROW * (bottom + 1) + BELOW),
            margin={"l": 8, "r": 128, "t": ABOVE, "b": BELOW},
        ),
        xaxis=theme.axis(
            "inference FLOPs of one example",
            type="log",
            range=[math.log10(min(drawn)) - MARGIN, math.log10(max(drawn)) + MARGIN],
            dtick=1,
            tickformat="~s",
            minor={"dtick": "D1", "ticks": "outside", "ticklen": 3, "tickcolor": theme.FAINT},
        ),
        yaxis=theme.axis(
            tickvals=list(heights.values()),
            ticktext=[f"<b>{titles[each]}</b>" for each in heights],
            tickfont={"size": 13},
            ticklabelstandoff=8,
            range=[bottom, -1.0],
            showgrid=False,
        ),
        legend=theme.legend(y=1.01, font={"size": 13}, itemsizing="constant"),
    )
    return figure


def scaled(value: float) -> str:
    """`60.8k`, `4.67M`: at most three digits, with the axis' suffixes."""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if float(f"{value:.3g}") >= size:
            return f"{float(f'{value / size:.3g}'):g}{suffix}"
    return f"{value:.3g}"


def _heights(counts: Sequence[Count]) -> dict[str, float]:
    """The height of every template's row, in rows from the top."""
    found = {each.template: each.paradigm for each in counts}
    paradigms = {name: found[name] for name in catalogue if name in found}
    groups = list(dict.fromkeys(paradigms.values()))
    return {
        template: row + GAP * groups.index(paradigm)
        for row, (template, paradigm) in enumerate(paradigms.items())
    }


def _places(counts: Sequence[Count], heights: dict[str, float]) -> list[tuple[float, float]]:
    """The height of every mark, and its size in pixels."""
    columns: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, each in enumerate(counts):
        columns[each.template, round(math.log10(each.flops) / COLUMN)].append(index)
    places = [(0.0, 0.0)] * len(counts)
    for (template, _), column in columns.items():
        # Marks of one stage stand together.
        column.sort(key=lambda index: (counts[index].stage, counts[index].flops))
        pitch = min(MARK / ROW, BAND / len(column))
        size = max(LEAST_MARK, pitch * ROW)
        for rank, index in enumerate(column):
            places[index] = heights[template] + pitch * (rank - (len(column) - 1) / 2), size
    return places


def _marks(
    paradigm: Paradigm, stage: Stage, counts: Sequence[Count], places: list[tuple[float, float]]
) -> go.Scatter:
    shown = [
        (each, *place)
        for each, place in zip(counts, places, strict=True)
        if (each.paradigm, each.stage) == (paradigm, stage)
    ]
    marker = {
        "size": [size for _, _, size in shown],
        "symbol": SYMBOL[stage],
        "color": COLOUR[paradigm],
        "opacity": 0.85,
        "line": {
            "width": [1.2 if count.over else 0.6 for count, _, _ in shown],
            "color": [theme.WARNING if count.over else "white" for count, _, _ in shown],
        },
    }
    return points(
        [count.flops for count, _, _ in shown],
        [height for _, height, _ in shown],
        [_hover(count) for count, _, _ in shown],
        marker,
        name=f"{TITLE[paradigm]}: {_words(stage)}",
    )


def _add_range(figure: go.Figure, counts: Sequence[Count], height: float) -> None:
    """A template's range, as a pale box and in numbers at the right."""
    lowest, highest = (f(each.flops for each in counts) for f in (min, max))
    figure.add_shape(
        type="rect",
        x0=lowest / 10 ** (COLUMN * 1.2),
        x1=highest * 10 ** (COLUMN * 1.2),
        y0=height - BAND / 2 - 0.04,
        y1=height + BAND / 2 + 0.04,
        line={"width": 0},
        fillcolor=COLOUR[counts[0].paradigm],
        opacity=0.12,
        layer="below",
    )
    figure.add_annotation(
        text=scaled(lowest) if lowest == highest else f"{scaled(lowest)} to {scaled(highest)}",
        x=1,
        xref="paper",
        xanchor="left",
        xshift=10,
        y=height,
        showarrow=False,
        font={"size": 12, "color": theme.INK},
    )


def _add_limits(figure: go.Figure, counts: Sequence[Count], heights: dict[str, float]) -> None:
    """A dotted line through the rows of a paradigm for every limit of its stages."""
    stages: dict[tuple[Paradigm, int], list[Stage]] = defaultdict(list)
    for each in counts:
        if each.limit is not None and each.stage not in stages[each.paradigm, each.limit]:
            stages[each.paradigm, each.limit].append(each.stage)
    for (paradigm, limit), limited in stages.items():
        rows = [heights[each.template] for each in counts if each.paradigm == paradigm]
        figure.add_shape(
            type="line",
            x0=limit,
            x1=limit,
            y0=min(rows) - 0.5,
            y1=max(rows) + 0.5,
            line={"color": theme.WARNING, "width": 1, "dash": "dot"},
        )
        figure.add_annotation(
            text=f"{', '.join(_words(stage) for stage in limited)}<br>limit {scaled(limit)}",
            x=math.log10(limit),
            y=min(rows) - 0.5,
            yanchor="bottom",
            showarrow=False,
            font={"size": 11, "color": theme.WARNING},
        )


def _add_span(figure: go.Figure, lowest: int, highest: int, height: float) -> None:
    """From the smallest network to the largest, in decades."""
    ends = [(lowest, lowest), (highest, highest)]
    for (x0, x1), half in zip([*ends, (lowest, highest)], (0.07, 0.07, 0.0), strict=True):
        figure.add_shape(
            type="line",
            x0=x0,
            x1=x1,
            y0=height - half,
            y1=height + half,
            line={"color": theme.MUTED, "width": 1.2},
        )
    figure.add_annotation(
        text=f"{math.log10(highest / lowest):.2f} decades",
        x=(math.log10(lowest) + math.log10(highest)) / 2,
        y=height,
        showarrow=False,
        bgcolor="white",
        font={"size": 12, "color": theme.INK},
    )


def _hover(count: Count) -> str:
    limit = "no limit" if count.limit is None else f"limit {numbers.count(count.limit)}"
    return f"<b>{theme.label(count.model)}</b><br>" + theme.lines(
        f"fleet: {count.fleet}, where {numbers.plural(count.models, 'model')} cost the same"
        if count.models > 1
        else f"fleet: {count.fleet}",
        f"template: {count.template}",
        f"stage: {_words(count.stage)}",
        f"FLOPs: {numbers.count(count.flops)} ({limit})",
        f"dense parameters: {numbers.count(count.dense_parameters)}",
    )


def _words(stage: Stage) -> str:
    return stage.replace("_", "-")
