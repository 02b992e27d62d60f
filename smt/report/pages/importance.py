"""The HTML page of a measurement of feature importance."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

from smt.importance.fleet import IMPORTANCE, RESULT
from smt.report import numbers
from smt.report.document import html_document
from smt.report.figures.embed import embed
from smt.report.figures.importance import SHOWN, importance_figure
from smt.storage import Folder

Result = dict[str, Any]

MEANING = {
    "permutation": "By how much NE rises on held-out rows where the feature's values are those "
    "of other rows. At or below zero, the network does as well without.",
    "gradient": "The mean absolute change of an example's loss that is due to the feature's "
    "value, to first order. Changes of both signs count, so it is never negative; compare "
    "it within the method only.",
}


def write_importance_report(folder: Folder) -> str:
    """Write `report.html` beside a `result.json` of importances, and return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
    result = json.loads(folder.read(RESULT))
    folder.write("report.html", importance_page(result, folder.path(IMPORTANCE)).encode())
    return folder.path("report.html")


def importance_page(result: Result, table: str) -> str:
    """The page, as HTML.

    Args:
        result: As `save_importance` returns it.
        table: Where the table for selections is.
    """
    title = f"Importance of features in fleet {result['fleet']}"
    sections = [
        f"<p class=verdict>A template selects by it with "
        f"<b>features.selection.importance: {escape(table)}</b></p>",
        _facts(result),
        *(_method(name, ranking) for name, ranking in result["ranking"].items()),
        _models(result),
        _failures(result["failures"]),
    ]
    return html_document(title, sections, result)


def _facts(result: Result) -> str:
    settings = result["settings"]
    facts = {
        "fleet": result["fleet"],
        "template": result["template"]["name"],
        "models": numbers.count(len(result["models"])),
        "method": settings["method"],
        "permutations a feature": numbers.count(settings["repeats"]),
        "seed": str(settings["seed"]),
    }
    items = (f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _method(method: str, ranking: dict[str, list[dict[str, Any]]]) -> str:
    sections = "".join(
        f"<section><h3>{kind}: {numbers.plural(len(features), 'feature')}</h3>"
        f"{embed(importance_figure(features), f'{method}-{kind}')}"
        f"{_table(features, f'{method}-{kind}-table')}"
        "</section>"
        for kind, features in ranking.items()
    )
    return (
        f"<h2>By {method}</h2><p class=caption>{MEANING[method]} Bars: mean over the models that "
        f"read the feature, with one standard error, and the first {SHOWN} of a type; dots: models."
        f"</p>{sections}"
    )


def _table(features: list[dict[str, Any]], name: str) -> str:
    head = "<tr><th class=n>#<th>feature<th class=n>importance<th class=n>standard error"
    rows = (
        f"<tr><td class=n>{place}</td><td>{escape(each['feature'])}</td>"
        f"<td class=n>{numbers.percent(each['importance'])}</td>"
        f"<td class=n>{numbers.spread(each['sem'])}</td>"
        f"<td class=n>{len(each['by_model'])}</td></tr>"
        for place, each in enumerate(features, 1)
    )
    return _tabled(name, f"{head}<th class=n>models</tr>", rows)


def _models(result: Result) -> str:
    head = "<tr><th>model<th>events<th class=n>NE<th class=n>measured rows</tr>"
    rows = (
        f"<tr><td>{escape(each['model'])}</td><td>{escape(', '.join(each['events']))}</td>"
        f"<td class=n>{numbers.entropy(each['ne'])}</td>"
        f"<td class=n>{numbers.count(each['rows'])}</td></tr>"
        for each in result["models"]
    )
    return (
        f"<h2>Models</h2>{_tabled('models', head, rows)}<p class=caption>Networks learnt from the "
        "first part of the training window and were measured on its last; the test window was "
        "left alone.</p>"
    )


def _failures(failures: dict[str, str]) -> str:
    if not failures:
        return "<h2>Failures</h2><p id=failures>None: all models were measured.</p>"
    rows = (
        f"<tr><td>{escape(model)}</td><td class=reason>{escape(reason)}</td></tr>"
        for model, reason in failures.items()
    )
    return f"<h2>Failures</h2>{_tabled('failures', '<tr><th>model<th>reason</tr>', rows)}"


def _tabled(name: str, head: str, rows: Iterable[str]) -> str:
    body = "\n".join(rows)
    return (
        f"<div class=wide><table id={name}><thead>{head}</thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )
