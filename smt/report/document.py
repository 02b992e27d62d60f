"""What all pages are made of: a document that opens offline, lists of facts, and tables."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby, starmap
from pathlib import Path
from typing import Any, NamedTuple

from plotly.offline import get_plotlyjs

from smt.report import numbers
from smt.storage import Folder

STYLE = Path(__file__).with_name("style.css")


class Html(NamedTuple):
    """A table's cell that is HTML already.

    Attributes:
        role: Its class, where that is not its column's.
    """

    html: str
    role: str | None = None


# A text, a whole number, which `numbers.count` writes, or None where there is neither.
Cell = str | int | None | Html
# By column, in their order. The class of a column's cells, `n` of numbers, is after its name, as in
# `weight: n`; `FLOPs / least: n` and `FLOPs / most: n` are two columns below a common name.
Row = Mapping[str, Cell]
Rows = Iterable[Row]


def write_page(folder: Folder, page: str) -> str:
    """Write `report.html` into the folder of a finished run, and return its path.

    No page refers to anything outside itself, and equal results leave equal pages.
    """
    folder.write("report.html", page.encode())
    return folder.path("report.html")


def html_document(title: str, sections: Sequence[str], data: Any) -> str:
    """A page with Plotly, the style and `data` inside; it refers to nothing outside itself.

    Args:
        sections: HTML, one after the other, below the title.
        data: What the page shows, as JSON-able content; it is in the element `report-data`.
    """
    body = "\n".join([f"<h1>{escape(title)}</h1>", *sections])
    # "<" could end the script element that holds the JSON.
    content = json.dumps(data, allow_nan=False).replace("<", "\\u003c")
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE.read_text()}</style>\n"
        f"<script>{get_plotlyjs()}</script></head>\n"
        f"<body>{body}\n"
        f'<script type="application/json" id="report-data">{content}</script>\n'
        "</body></html>\n"
    )


def fact_list(facts: Mapping[str, str]) -> str:
    """Names, as HTML, and texts, side by side."""
    items = (f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def number(text: str, *, bad: bool) -> Html:
    """A number of a table, in red where it is bad."""
    return Html(text, "n bad" if bad else "n")


def caption(text: str) -> str:
    """What stands under a figure or a table; the text is HTML."""
    return f"<p class=caption>{text}</p>"


def badge(yes: bool, text: str) -> str:
    """A short verdict in a coloured frame."""
    return f"<span class='badge {'yes' if yes else 'no'}'>{text}</span>"


def html_table(name: str, rows: Rows, kinds: Iterable[str] = ()) -> str:
    """A table that scrolls sideways where it is too wide.

    Args:
        name: Its id.
        rows: All of the same columns.
        kinds: Classes of the rows; none where not given.
    """
    rows = [*rows]
    body = "\n".join(
        f"<tr{_class(kind)}>{''.join(starmap(_cell, row.items()))}</tr>"
        for kind, row in zip([*kinds] or [""] * len(rows), rows, strict=True)
    )
    return (
        f"<div class=wide><table id={name}><thead>{_header(rows[0] if rows else ())}</thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _header(columns: Iterable[str]) -> str:
    """A row, and a second one where columns have a common name."""
    named = [column.rpartition(" / ")[::2] for column in columns]
    above, below = "", ""
    span = " rowspan=2" if any(common for common, _ in named) else ""
    for common, group in groupby(named, key=lambda pair: pair[0]):
        heads = (column.partition(": ") for _, column in group)
        cells = [f"{' class=n' if role == 'n' else ''}>{head}" for head, _, role in heads]
        if common:
            above += f"<th colspan={len(cells)} class=c>{common}"
            below += "".join(f"<th{cell}" for cell in cells)
        else:
            above += "".join(f"<th{span}{cell}" for cell in cells)
    return f"<tr>{above}</tr>" + (f"<tr>{below}</tr>" if below else "")


def _cell(column: str, cell: Cell) -> str:
    role = column.partition(": ")[2]
    if isinstance(cell, Html):
        text, role = cell.html, role if cell.role is None else cell.role
    elif isinstance(cell, str):
        text = escape(cell)
    else:
        text = numbers.MISSING if cell is None else numbers.count(cell)
    return f"<td{_class(role)}>{text}</td>"


def _class(names: str) -> str:
    return f" class='{names}'" if names else ""
