"""The HTML page of a back-test."""

import json
from html import escape
from typing import Any

from smt.report import numbers
from smt.report.document import html_document
from smt.report.figures.backtest import backtest_figure
from smt.report.figures.embed import embed
from smt.report.html_table import html_table
from smt.report.pages.backtest_tables import blame_section, misfit_section
from smt.storage import Folder

Result = dict[str, Any]

RESULT = "result.json"


def write_backtest_report(folder: Folder) -> str:
    """Write `report.html` beside a `result.json` of an integration, and return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
    folder.write("report.html", backtest_page(json.loads(folder.read(RESULT))).encode())
    return folder.path("report.html")


def backtest_page(result: Result) -> str:
    """The page, as HTML.

    Args:
        result: As `smt.template_iteration.record.save` returns it.
    """
    title = f"{result['template']}: version {result['number']} against {result['parent']}"
    kind = "verdict" if result["decision"] == "kept" else "verdict none"
    sections = [
        f"<p class='{kind}'><b>{result['decision']}</b>: {escape(result['reason'])}.</p>",
        _facts(result),
        _changes(result),
        misfit_section(result),
        blame_section(result),
    ]
    if result["models"]:
        sections += [_groups(result), _models(result)]
    return html_document(title, sections, result)


def _facts(result: Result) -> str:
    settings = result["settings"]
    facts = {
        "fleet": result["fleet"],
        "models": numbers.count(len(result["models"])),
        "seeds": ", ".join(map(str, result["seeds"])),
        "regression threshold α": f"{settings['alpha']:.3f}%",
        "largest regression rate ε": numbers.rate(settings["epsilon"]),
        "least aggregate τ": numbers.percent(settings["tau"]),
    }
    items = (f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _changes(result: Result) -> str:
    reached = result["version"]["run"]["techniques"]
    techniques = (
        [
            ("", escape(each["name"])),
            ("theta", escape(numbers.theta(each["theta"]))),
            ("", escape(", ".join(each["exposed"])) or "none"),
            ("n", numbers.percent(reached[each["name"]]["value"])),
        ]
        for each in result["techniques"]
    )
    places = (
        [("", escape(each[key])) for key in ("place", "before", "after")]
        for each in result["changes"]
    )
    head = "<th>technique<th>θ*<th>exposed<th class=n>A* in the run"
    return (
        "<h2>What is new</h2>"
        f"{html_table('techniques', head, techniques)}"
        f"{html_table('changes', '<th>place<th>before<th>after', places)}"
        f"{_exposures(result)}"
    )


def _exposures(result: Result) -> str:
    """What the run wants exposed; nothing where it wants nothing, or all is to stay fixed."""
    if not result["exposures"]:
        return ""
    rows = (
        [
            ("", escape(each["technique"])),
            ("", escape(each["hyperparameter"])),
            ("", escape(each["place"] or "stays fixed")),
            ("reason", escape(each["obstacle"] or "")),
            ("reason", escape(each["reason"])),
        ]
        for each in result["exposures"]
    )
    head = "<th>technique<th>hyperparameter<th>exposed as<th>obstacle<th>why the run wants it"
    return html_table("exposures", head, rows)


def _groups(result: Result) -> str:
    head = (
        "<th>models<th class=n>#<th class=n>μ ± standard error<th class=n>R<th class=n>A"
        "<th class=n>helped<th class=n>neutral<th class=n>regressed"
    )
    rows = (
        [
            ("", name),
            ("n", numbers.count(group["models"])),
            ("n", f"{numbers.percent(group['mean'])} ± {numbers.spread(group['mean_sem'])}"),
            ("n", numbers.rate(group["regression_rate"])),
            ("n", numbers.percent(group["value"], missing=numbers.MINUS_INFINITY)),
            *(("n", numbers.count(group[key])) for key in ("helped", "neutral", "regressed")),
        ]
        for name, group in result["groups"].items()
        if group is not None
    )
    return (
        f"<h2>What it is worth</h2>{html_table('groups', head, rows)}"
        "<p class=caption>Δ is the fall of a model's normalized entropy under the new version "
        "against its parent, in percent, with the same seed: higher is better. μ is the mean Δ "
        "by traffic, R the share of models that regressed (Δ below −α, or failed). A = μ where "
        "R ≤ ε and no model failed, else −∞. The version is kept where A over all models is at "
        "least τ. No θ was searched on the holdout models, or with these seeds.</p>"
    )


def _models(result: Result) -> str:
    figure = embed(backtest_figure(result["models"], result["settings"]["alpha"]), "deltas")
    head = (
        "<th>model<th>group<th class=n>weight<th class=n>Δ ± standard error<th class=n>NE before"
        "<th class=n>NE after<th class=n>FLOPs before<th class=n>FLOPs after<th class=n>test rows"
        "<th>failure"
    )
    rows = (
        [
            ("", escape(each["model"])),
            ("", "representative" if each["representative"] else "holdout"),
            ("n", f"{100 * each['weight']:.3f}%"),
            ("n", f"{numbers.percent(each['delta'])} ± {numbers.spread(each['sem'])}"),
            ("n", numbers.entropy(each["ne_before"])),
            ("n", numbers.entropy(each["ne_after"])),
            ("n", numbers.count(each["flops_before"])),
            ("n", _count(each["flops_after"])),
            ("n", numbers.count(each["test_rows"])),
            ("reason", escape(each["failure"] or "")),
        ]
        for each in result["models"]
    )
    return (
        f"<h2>Models</h2>{figure}<p class=caption>Small dots are seeds, large marks their mean "
        "with one standard error, of rows and seeds. Left of the dashed line a model has "
        "regressed.</p>"
        f"{html_table('models', head, rows)}"
    )


def _count(value: int | None) -> str:
    return numbers.MISSING if value is None else numbers.count(value)
