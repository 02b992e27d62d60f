"""The HTML page of a back-test."""

from html import escape

from smt.report import numbers
from smt.report.document import Rows, caption, fact_list, html_document, html_table, write_page
from smt.report.figures.backtest import backtest_figure
from smt.report.figures.embed import embed
from smt.report.pages.backtest_tables import blame_section, misfit_section
from smt.results.folder import read_result
from smt.results.integration import IntegrationResult
from smt.storage import Folder


def write_backtest_report(folder: Folder) -> str:
    """Write the report beside a `result.json` of an integration, and return its path."""
    return write_page(folder, backtest_page(read_result(folder, IntegrationResult)))


def backtest_page(result: IntegrationResult) -> str:
    """The page, as HTML."""
    title = f"{result.template}: version {result.number} against {result.parent}"
    kind = "verdict" if result.kept else "verdict none"
    sections = [
        f"<p class='{kind}'><b>{result.decision}</b>: {escape(result.reason)}.</p>",
        _facts(result),
        _changes(result),
        misfit_section(result),
        blame_section(result),
    ]
    if result.models:
        sections += [
            f"<h2>What it is worth</h2>{groups_section(result)}",
            _models(result),
        ]
    return html_document(title, sections, result.to_dict())


def _facts(result: IntegrationResult) -> str:
    settings = result.settings
    return fact_list(
        {
            "fleet": result.fleet,
            "models": numbers.count(len(result.models)),
            "seeds": ", ".join(map(str, result.seeds)),
            "regression threshold α": f"{settings.alpha:.3f}%",
            "largest regression rate ε": numbers.rate(settings.epsilon),
            "least aggregate τ": numbers.percent(settings.tau),
            "least saving": f"{settings.saving:.1%}",
            "capacity": numbers.capacity(settings.capacity),
            "serving the fleet": numbers.growth(result.growth),
        }
    )


def _changes(result: IntegrationResult) -> str:
    reached = result.version.run.techniques
    techniques = (
        {
            "technique": technique.name,
            "θ*: theta": numbers.theta(technique.theta),
            "generalized by": result.kinds.get(technique.name),
            "exposed": ", ".join(technique.exposed) or "none",
            "A* in the run: n": numbers.percent(reached[technique.name].value),
        }
        for technique in result.techniques
    )
    places = (
        {"place": change.place, "before": change.before, "after": change.after}
        for change in result.changes
    )
    return (
        "<h2>What is new</h2>"
        f"{html_table('techniques', techniques)}"
        f"{html_table('changes', places)}"
        f"{_exposures(result)}"
    )


def _exposures(result: IntegrationResult) -> str:
    """What the run wants exposed; nothing where it wants nothing, or all is to stay fixed."""
    if not result.exposures:
        return ""
    rows = (
        {
            "technique": exposure.technique,
            "hyperparameter": exposure.hyperparameter,
            "exposed as": exposure.place or "stays fixed",
            "obstacle: reason": exposure.obstacle or "",
            "why the run wants it: reason": exposure.reason,
        }
        for exposure in result.exposures
    )
    return html_table("exposures", rows)


def groups_section(result: IntegrationResult, name: str = "groups") -> str:
    """μ, R and A of all models, the representatives and the holdout.

    Args:
        name: The table's id.
    """
    rows: Rows = (
        {
            "models": models,
            "#: n": group.models,
            "μ ± standard error: n": numbers.measured(group.mean, group.mean_sem),
            "R: n": numbers.rate(group.regression_rate),
            "A: n": numbers.percent(group.value, missing=numbers.MINUS_INFINITY),
            "FLOPs: n": numbers.cost_changes(group.savings)[0],
            "bytes: n": numbers.cost_changes(group.savings)[1],
            "helped: n": group.helped,
            "neutral: n": group.neutral,
            "regressed: n": group.regressed,
        }
        for models, group in result.groups.items()
        if group is not None
    )
    text = (
        f"Δ is the fall of a model's normalized loss ({numbers.LOSSES}) under the new version "
        "against its parent, in percent, with the same seed: higher is better. μ is the mean Δ "
        "by traffic, R the share of models that regressed (Δ below −α, or failed). A = μ where "
        "R ≤ ε and no model failed, else −∞. The version is kept where A over all models is at "
        "least τ; one whose techniques all generalized by what they save, also where it saves as "
        "much and does no harm. No θ was searched on the holdout models, or with these seeds."
    )
    return f"{html_table(name, rows)}{caption(text)}"


def _models(result: IntegrationResult) -> str:
    figure = embed(backtest_figure(result.models, result.settings.alpha), "deltas")
    rows = (
        {
            "model": model.model,
            "group": "representative" if model.representative else "holdout",
            "weight: n": f"{100 * model.weight:.3f}%",
            "Δ ± standard error: n": numbers.measured(model.delta.value, model.delta.sem),
            "loss before: n": numbers.loss(model.ne_before),
            "loss after: n": numbers.loss(model.ne_after),
            "FLOPs before: n": model.flops_before,
            "FLOPs after: n": model.flops_after,
            "bytes before: n": model.bytes_before,
            "bytes after: n": model.bytes_after,
            "judged rows: n": model.judged_rows,
            "failure: reason": model.delta.reason or "",
        }
        for model in result.models
    )
    text = (
        "Small dots are seeds, large marks their mean "
        "with one standard error, of rows and seeds. Left of the dashed line a model has "
        "regressed."
    )
    return f"<h2>Models</h2>{figure}{caption(text)}{html_table('models', rows)}"
