"""The report's tables, as HTML."""

import math
from collections.abc import Mapping
from html import escape

from smt.report import numbers
from smt.report.document import Cells, badge, html_table
from smt.results.generalization import ShortWindow
from smt.results.run_reading import Run
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import TechniqueRecord
from smt.space import Choice, Domain


def technique_table(run: Run) -> str:
    """What the search of every technique came to."""
    head = (
        "<th rowspan=2>technique<th rowspan=2>generalizes<th rowspan=2 class=n>A*"
        "<th rowspan=2 class=n>μ, 95% interval<th rowspan=2 class=n>R"
        "<th colspan=3 class=c>models"
        "<th rowspan=2>θ*<th rowspan=2>source"
    )
    beneath = "<th class=n>helped<th class=n>neutral<th class=n>regressed"
    techniques = run.result.techniques
    rows = (_technique_row(index, each, run) for index, each in enumerate(techniques, 1))
    kinds = ("" if technique.feasible else "nearest" for technique in techniques)
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
        for index, each in enumerate(run.result.representatives, 1)
    )
    return html_table("representatives", head, rows=rows)


def failure_table(run: Run) -> str:
    """Every failed evaluation with its reason, or a line that there is none."""
    if not run.failures:
        return f"<p id=failures>None: all {len(run.evaluations)} evaluations succeeded.</p>"
    head = "<th>technique<th class=n>trial<th class=n>seed<th>model<th>reason"
    rows = (
        [
            ("", escape(each.technique or "baseline")),
            ("n", numbers.MISSING if each.trial is None else str(each.trial)),
            ("n", str(each.seed)),
            ("", escape(each.model)),
            ("reason", escape(each.delta.reason or "")),
        ]
        for each in run.failures
    )
    return html_table("failures", head, rows=rows)


def sensitivity_table(table: str, sensitivities: Mapping[str, HyperparameterSensitivity]) -> str:
    """What to do with every hyperparameter of a technique; `table` is the table's name."""
    head = (
        "<th>hyperparameter<th class=n>β<th class=n>interval of β<th class=n>σ"
        "<th>decision<th>reason<th>proposed domain<th>default"
    )
    rows = (
        [
            ("", escape(name)),
            ("n", numbers.percent(known.beta)),
            ("n", numbers.interval(known.interval)),
            ("n", numbers.MISSING if known.sigma2 is None else _sigma(known.sigma2)),
            ("", known.decision),
            ("why", escape(known.reason)),
            ("", escape(_domain(known.domain))),
            (
                "",
                numbers.MISSING if known.default is None else escape(numbers.short(known.default)),
            ),
        ]
        for name, known in sensitivities.items()
    )
    return html_table(table, head, rows=rows)


def short_window_table(windows: Mapping[str, ShortWindow]) -> str:
    """The models with too few test rows, in the order given."""
    head = "<th>model<th class=n>test rows<th class=n>needed<th class=n>standard error of Δ"
    rows = (
        [
            ("", escape(model)),
            ("n", numbers.count(window.rows)),
            ("n", numbers.count(window.needed)),
            ("n", numbers.spread(window.sem)),
        ]
        for model, window in windows.items()
    )
    return html_table("short-windows", head, rows=rows)


def _technique_row(index: int, technique: TechniqueRecord, run: Run) -> Cells:
    shown = technique.shown
    chance = shown.feasible_probability
    bad = "n bad" if shown.regression_rate > run.result.settings.epsilon else "n"
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


def _verdict(technique: TechniqueRecord) -> str:
    """Yes or no, and what the search alone would have said where that differs."""
    word = "yes" if technique.generalizes else "no"
    plain = "yes" if technique.paper_generalizes else "no"
    differs = "" if word == plain else f"search: {plain}"
    return badge(technique.generalizes, word) + _beneath(differs)


def _which(technique: TechniqueRecord) -> str:
    shown = technique.shown
    where = f"trial {shown.number}, {escape(shown.source)}"
    return where if technique.feasible else f"nearest: {where}"


def _beneath(text: str) -> str:
    return f"<br><span class=which>{escape(text)}</span>" if text else ""


def _sigma(variance: float) -> str:
    return numbers.spread(math.sqrt(variance))


def _domain(domain: Domain | None) -> str:
    """`4 to 64 (log)`, `all, each`."""
    if domain is None:
        return numbers.MISSING
    if isinstance(domain, Choice):
        return ", ".join(map(numbers.short, domain.values))
    scale = " (log)" if domain.log else ""
    return f"{numbers.short(domain.low)} to {numbers.short(domain.high)}{scale}"
