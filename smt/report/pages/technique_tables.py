"""The report's tables, as HTML."""

import math
from collections.abc import Mapping
from html import escape

from smt.report import numbers
from smt.report.document import Html, Row, Rows, badge, html_table, number
from smt.results.generalization import ShortWindow
from smt.results.run_reading import Run
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import TechniqueRecord
from smt.space import Choice, Domain


def technique_table(run: Run, page: str = "") -> str:
    """What the search of every technique came to.

    Args:
        page: That has the techniques' sections, to which their names lead; this one where empty.
    """
    techniques = run.result.techniques
    rows = (
        _technique_row(f"{page}#technique-{index}", technique, run)
        for index, technique in enumerate(techniques, 1)
    )
    kinds = ("" if technique.feasible else "nearest" for technique in techniques)
    return html_table("techniques", rows, kinds)


def representative_table(run: Run) -> str:
    """The representative models and their baselines; with templates, where there are several."""
    built = run.result.model_templates if len(run.result.templates) > 1 else {}
    rows: Rows = (
        {
            "#: n": str(index),
            "model": model.model,
            **({"template": built[model.model]} if built else {}),
            "weight: n": f"{100 * model.weight:.3f}%",
            "baseline loss: n": numbers.loss(model.ne),
            "FLOPs: n": model.flops,
            "bytes: n": model.bytes,
            "training rows: n": model.train_rows,
            "judged rows: n": model.judged_rows,
        }
        for index, model in enumerate(run.result.representatives, 1)
    )
    return html_table("representatives", rows)


def failure_table(run: Run) -> str:
    """Every failed evaluation with its reason, or a line that there is none."""
    if not run.failures:
        return f"<p id=failures>None: all {len(run.evaluations)} evaluations succeeded.</p>"
    rows = (
        {
            "technique": failed.technique or "baseline",
            "trial: n": None if failed.trial is None else str(failed.trial),
            "seed: n": str(failed.seed),
            "model": failed.model,
            "reason: reason": failed.delta.reason or "",
        }
        for failed in run.failures
    )
    return html_table("failures", rows)


def sensitivity_table(table: str, sensitivities: Mapping[str, HyperparameterSensitivity]) -> str:
    """What to do with every hyperparameter of a technique; `table` is the table's name."""
    rows = (
        {
            "hyperparameter": name,
            "β: n": numbers.percent(known.beta),
            "interval of β: n": numbers.interval(known.interval),
            "σ: n": None if known.sigma2 is None else numbers.spread(math.sqrt(known.sigma2)),
            "decision": known.decision,
            "reason: why": known.reason,
            "proposed domain": None if known.domain is None else _domain(known.domain),
            "default": None if known.default is None else numbers.short(known.default),
        }
        for name, known in sensitivities.items()
    )
    return html_table(table, rows)


def short_window_table(windows: Mapping[str, ShortWindow]) -> str:
    """The models with too few judged rows, in the order given."""
    rows: Rows = (
        {
            "model": model,
            "judged rows: n": window.rows,
            "needed: n": window.needed,
            "standard error of Δ: n": numbers.spread(window.sem),
        }
        for model, window in windows.items()
    )
    return html_table("short-windows", rows)


def _technique_row(section: str, technique: TechniqueRecord, run: Run) -> Row:
    shown, chance = technique.shown, technique.shown.feasible_probability
    flops, of_bytes = numbers.growths(shown.growth)
    bad = shown.regression_rate > run.result.settings.epsilon
    rate = ("≥ " if shown.skipped else "") + numbers.rate(shown.regression_rate)
    theta = escape(numbers.theta(shown.theta, between="\n")).replace("\n", "<br>")
    return {
        "technique": Html(f"<a href='{section}'>{escape(technique.name)}</a>"),
        "generalizes": Html(_verdict(technique)),
        "A*: n": numbers.percent(shown.value, missing=numbers.MINUS_INFINITY),
        "μ, 95% interval: n": Html(
            numbers.percent(shown.mean) + _beneath(numbers.interval(shown.interval))
        ),
        "R: n": number(
            rate + _beneath("" if chance is None else f"P(R ≤ ε) {chance:.2f}"), bad=bad
        ),
        "models / helped: n": str(shown.helped),
        "models / neutral: n": str(shown.neutral),
        "models / regressed: n": number(str(shown.regressed), bad=bad),
        "serving the fleet / FLOPs: n": flops,
        "serving the fleet / bytes: n": of_bytes,
        "θ*: theta": Html(f"<span class=which>{_which(technique)}</span><br>{theta}"),
        "source: source": technique.source,
    }


def _verdict(technique: TechniqueRecord) -> str:
    """Yes or no, why, and what the search alone would have said where that differs."""
    word = "yes" if technique.generalizes else "no"
    plain = "yes" if technique.paper_generalizes else "no"
    differs = "" if word == plain else f"search: {plain}"
    return badge(technique.generalizes, word) + _beneath(technique.kind or "") + _beneath(differs)


def _which(technique: TechniqueRecord) -> str:
    shown = technique.shown
    where = f"trial {shown.number}, {escape(shown.source)}"
    return where if technique.feasible else f"nearest: {where}"


def _beneath(text: str) -> str:
    return f"<br><span class=which>{escape(text)}</span>" if text else ""


def _domain(domain: Domain) -> str:
    """`4 to 64 (log)`, `all, each`."""
    if isinstance(domain, Choice):
        return ", ".join(map(numbers.short, domain.values))
    scale = " (log)" if domain.log else ""
    return f"{numbers.short(domain.low)} to {numbers.short(domain.high)}{scale}"
