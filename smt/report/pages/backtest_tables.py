"""The tables of a back-test's page, as HTML: what cannot be served, what is to blame."""

from html import escape
from typing import Any

from smt.report import numbers
from smt.report.html_table import Cells, html_table

Result = dict[str, Any]


def misfit_section(result: Result) -> str:
    """The models that the version cannot serve; nothing where it serves all."""
    if not result["misfits"]:
        return ""
    rows = (
        [("", escape(each["model"])), ("reason", escape(each["reason"]))]
        for each in result["misfits"]
    )
    return (
        f"<h2>What it cannot serve</h2>{html_table('misfits', '<th>model<th>why', rows)}"
        "<p class=caption>Models of the fleet that the parent serves within their limits. This is "
        "counted before anything is trained, so nothing was.</p>"
    )


def blame_section(result: Result) -> str:
    """What the version was worth without each of its techniques; nothing where it is kept."""
    if not result["blame"]:
        return ""
    head = (
        "<th>without<th>to blame<th class=n>μ ± standard error<th class=n>R<th class=n>A"
        "<th class=n>models it cannot serve<th>why not tried"
    )
    table = html_table("blame", head, map(_row, result["blame"]))
    return (
        f"<h2>What is to blame</h2><p>{escape(result['blame_reason'])}.</p>{table}"
        "<p class=caption>The version without one technique in turn, on the same models and with "
        "the same seeds. Where a limit of serving is broken, costs are counted and nothing is "
        "trained.</p>"
    )


def _row(each: dict[str, Any]) -> Cells:
    kind = "yes" if each["blamed"] else "no"
    badge = f"<span class='badge {kind}'>{kind}</span>"
    trained = each["regression_rate"] is not None
    measured = (
        [
            f"{numbers.percent(each['mean'])} ± {numbers.spread(each['mean_sem'])}",
            numbers.rate(each["regression_rate"]),
            numbers.percent(each["value"], missing=numbers.MINUS_INFINITY),
        ]
        if trained
        else [numbers.MISSING] * 3
    )
    unserved = (
        numbers.MISSING
        if each["failure"] is not None
        else numbers.count(len({misfit["model"] for misfit in each["misfits"]}))
    )
    return [
        ("", escape(each["technique"])),
        ("", badge),
        *(("n", cell) for cell in (*measured, unserved)),
        ("reason", escape(each["failure"] or "")),
    ]
