"""The report's tables, as HTML."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from smt.report import numbers
from smt.report.document import Cells, badge, html_table
from smt.results.generalization import Run, Sensitivity, ShortWindow, Technique


def technique_table(run: Run) -> str:
    """What the search of every technique came to."""
    head = (
        "<th rowspan=2>technique<th rowspan=2>generalizes<th rowspan=2 class=n>A*"
        "<th rowspan=2 class=n>μ, 95% interval<th rowspan=2 class=n>R"
        "<th colspan=3 class=c>models"
        "<th rowspan=2>θ*<th rowspan=2>source"
    )
    beneath = "<th class=n>helped<th class=n>neutral<th class=n>regressed"
    rows = (_technique_row(index, each, run) for index, each in enumerate(run.techniques, 1))
    kinds = ("" if each.feasible else "nearest" for each in run.techniques)
    return html_table("techniques", head, beneath, rows=rows, kinds=kinds)


def representative_table(run: Run) -> str:
    """The representative models and their baselines."""
    head = (
        "<th class=n>#<th>model<th class=n>weight<th class=n>baseline NE"
        "<th class=n>FLOPs<th class=n>training rows<th class=n>test rows"
    )
    rows = (
        [
            ("n", str(index)),
            ("", escape(each.model)),
            ("n", f"{100 * each.weight:.3f}%"),
            ("n", numbers.entropy(each.ne)),
            ("n", numbers.count(each.flops)),
            ("n", numbers.count(each.train_rows)),
            ("n", numbers.count(each.test_rows)),
        ]
        for index, each in enumerate(run.representatives, 1)
    )
    return html_table("representatives", head, rows=rows)


def failure_table(run: Run) -> str:
    """Every failed evaluation with its reason, or a line that there is none."""
    if not run.failures:
        return f"<p id=failures>None: all {run.evaluations} evaluations succeeded.</p>"
    head = "<th>technique<th class=n>trial<th class=n>seed<th>model<th>reason"
    rows = (
        [
            ("", escape(each.technique or "baseline")),
            ("n", numbers.MISSING if each.trial is None else str(each.trial)),
            ("n", str(each.seed)),
            ("", escape(each.model)),
            ("reason", escape(each.reason)),
        ]
        for each in run.failures
    )
    return html_table("failures", head, rows=rows)


def sensitivity_table(name: str, found: Sequence[Sensitivity]) -> str:
    """What to do with every hyperparameter of a technique; `name` is the table's."""
    head = (
        "<th>hyperparameter<th class=n>β<th class=n>interval of β<th class=n>σ"
        "<th>decision<th>reason<th>proposed domain<th>default"
    )
    rows = (
        [
            ("", escape(each.hyperparameter)),
            ("n", numbers.percent(each.beta)),
            ("n", numbers.interval(each.interval)),
            ("n", numbers.MISSING if each.sigma2 is None else _sigma(each.sigma2)),
            ("", each.decision),
            ("why", escape(each.reason)),
            ("", escape(_domain(each.domain))),
            (
                "",
                numbers.MISSING if each.default is None else escape(numbers.short(each.default)),
            ),
        ]
        for each in found
    )
    return html_table(name, head, rows=rows)


def short_window_table(found: Sequence[ShortWindow]) -> str:
    """The models with too few test rows, the one that lacks most first."""
    head = "<th>model<th class=n>test rows<th class=n>needed<th class=n>standard error of Δ"
    rows = (
        [
            ("", escape(each.model)),
            ("n", numbers.count(each.rows)),
            ("n", numbers.count(each.needed)),
            ("n", numbers.spread(each.sem)),
        ]
        for each in found
    )
    return html_table("short-windows", head, rows=rows)


def _technique_row(index: int, technique: Technique, run: Run) -> Cells:
    shown = technique.shown
    chance = shown.feasible_probability
    bad = "n bad" if shown.regression_rate > run.settings["epsilon"] else "n"
    return [
        ("", f"<a href='#technique-{index}'>{escape(technique.name)}</a>"),
        ("", _verdict(technique)),
        ("n", numbers.percent(shown.value, missing=numbers.MINUS_INFINITY)),
        ("n", numbers.percent(shown.mean) + _beneath(numbers.interval(shown.interval))),
        (
            bad,
            ("≥ " if shown.skipped else "")
            + numbers.rate(shown.regression_rate)
            + _beneath("" if chance is None else f"P(R ≤ ε) {chance:.2f}"),
        ),
        ("n", str(shown.helped)),
        ("n", str(shown.neutral)),
        (bad, str(shown.regressed)),
        (
            "theta",
            f"<span class=which>{_which(technique)}</span><br>"
            + escape(numbers.theta(shown.theta, between="\n")).replace("\n", "<br>"),
        ),
        ("source", escape(technique.source)),
    ]


def _verdict(technique: Technique) -> str:
    """Yes or no, and what the search alone would have said where that differs."""
    word = "yes" if technique.generalizes else "no"
    plain = "yes" if technique.paper_generalizes else "no"
    differs = "" if word == plain else f"search: {plain}"
    return badge(technique.generalizes, word) + _beneath(differs)


def _which(technique: Technique) -> str:
    shown = technique.shown
    where = f"trial {shown.number}, {escape(shown.source)}"
    return where if technique.feasible else f"nearest: {where}"


def _beneath(text: str) -> str:
    return f"<br><span class=which>{escape(text)}</span>" if text else ""


def _sigma(variance: float) -> str:
    return numbers.spread(math.sqrt(variance))


def _domain(domain: Mapping[str, Any] | None) -> str:
    """`4 to 64 (log)`, `all, each`."""
    if domain is None:
        return numbers.MISSING
    if domain["kind"] == "choice":
        return ", ".join(map(numbers.short, domain["values"]))
    scale = " (log)" if domain["log"] else ""
    return f"{numbers.short(domain['low'])} to {numbers.short(domain['high'])}{scale}"
