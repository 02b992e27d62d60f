"""What all pages are: one HTML file that opens offline, with its numbers in it as JSON."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

STYLE = Path(__file__).with_name("style.css")


def html_document(title: str, sections: Sequence[str], data: Any) -> str:
    """A page with Plotly, the style and `data` inside.

    Args:
        sections: HTML, one after the other, below the title.
        data: What the page shows, as JSON-able content.
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
