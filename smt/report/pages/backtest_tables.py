"""The tables of a back-test's page, as HTML: what cannot be served, what is to blame."""

from html import escape

from smt.report import numbers
from smt.report.document import Html, Row, badge, caption, html_table
from smt.results.integration import IntegrationResult, WithoutTechnique


def misfit_section(result: IntegrationResult) -> str:
    """The models that the version cannot serve; nothing where it serves all."""
    if not result.misfits:
        return ""
    rows = ({"model": misfit.named, "why: reason": misfit.reason} for misfit in result.misfits)
    text = "Models of the fleet that the parent serves within their limits. "
    text += (
        "This is counted before anything is trained, so nothing was."
        if not result.models
        else "That the whole fleet would cost too much was known once versions of other templates, "
        "trained in the same run, were kept."
    )
    table = html_table("misfits", rows)
    return f"<h2>What it cannot serve</h2>{table}{caption(text)}"


def blame_section(result: IntegrationResult) -> str:
    """What the version was worth without each of its techniques; nothing where it is kept."""
    if not result.blame:
        return ""
    text = (
        "The version without one technique in turn, on the same models and with "
        "the same seeds. Where a limit of serving is broken, costs are counted and nothing is "
        "trained."
    )
    return (
        f"<h2>What is to blame</h2><p>{escape(result.blame_reason or '')}.</p>"
        f"{html_table('blame', map(_row, result.blame))}{caption(text)}"
    )


def _row(without: WithoutTechnique) -> Row:
    mean = value = rate = None
    if without.regression_rate is not None:
        mean = numbers.measured(without.mean, without.mean_sem)
        rate = numbers.rate(without.regression_rate)
        value = numbers.percent(without.value, missing=numbers.MINUS_INFINITY)
    return {
        "without": without.technique,
        "to blame": Html(badge(without.blamed, "yes" if without.blamed else "no")),
        "μ ± standard error: n": mean,
        "R: n": rate,
        "A: n": value,
        "models it cannot serve: n": without.unserved if without.failure is None else None,
        "why not tried: reason": without.failure or "",
    }
