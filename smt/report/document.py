"""What all pages are made of: a document that opens offline, lists of facts, and tables."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from smt.storage import Folder

STYLE = Path(__file__).with_name("style.css")

# (class, content as HTML) a cell.
Cells = Iterable[tuple[str, str]]


def write_page(folder: Folder, page: str) -> str:
    """Write `report.html`, and return its path."""
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


def caption(text: str) -> str:
    """What stands under a figure or a table; the text is HTML."""
    return f"<p class=caption>{text}</p>"


def badge(yes: bool, text: str) -> str:
    """A short verdict in a coloured frame."""
    return f"<span class='badge {'yes' if yes else 'no'}'>{text}</span>"


def html_table(name: str, *head: str, rows: Iterable[Cells], kinds: Iterable[str] = ()) -> str:
    """A table that scrolls sideways where it is too wide.

    Args:
        name: Its id.
        head: Its header's cells, as HTML, a row each.
        kinds: Classes of the rows; none where not given.
    """
    header = "".join(f"<tr>{cells}</tr>" for cells in head)
    written = [_row(cells) for cells in rows]
    classes = [*kinds] or [""] * len(written)
    body = "\n".join(
        f"<tr{_class(kind)}>{row}</tr>" for kind, row in zip(classes, written, strict=True)
    )
    return (
        f"<div class=wide><table id={name}><thead>{header}</thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(cells: Cells) -> str:
    return "".join(f"<td{_class(role)}>{content}</td>" for role, content in cells)


def _class(names: str) -> str:
    return f" class='{names}'" if names else ""
