"""The HTML page of a back-test."""

from html import escape

from smt.report import numbers
from smt.report.document import caption, fact_list, html_document, html_table, write_page
from smt.report.figures.backtest import backtest_figure
from smt.report.figures.embed import embed
from smt.report.pages.backtest_tables import blame_section, misfit_section
from smt.results.folder import read_result
from smt.results.integration import IntegrationResult
from smt.storage import Folder


def write_backtest_report(folder: Folder) -> str:
    """Write `report.html` beside a `result.json` of an integration, and return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
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
        sections += [_groups(result), _models(result)]
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
        }
    )


def _changes(result: IntegrationResult) -> str:
    reached = result.version.run.techniques
    techniques = (
        [
            ("", escape(technique.name)),
            ("theta", escape(numbers.theta(technique.theta))),
            ("", escape(", ".join(technique.exposed)) or "none"),
            ("n", numbers.percent(reached[technique.name].value)),
        ]
        for technique in result.techniques
    )
    places = (
        [("", escape(text)) for text in (change.place, change.before, change.after)]
        for change in result.changes
    )
    head = "<th>technique<th>θ*<th>exposed<th class=n>A* in the run"
    return (
        "<h2>What is new</h2>"
        f"{html_table('techniques', head, rows=techniques)}"
        f"{html_table('changes', '<th>place<th>before<th>after', rows=places)}"
        f"{_exposures(result)}"
    )


def _exposures(result: IntegrationResult) -> str:
    """What the run wants exposed; nothing where it wants nothing, or all is to stay fixed."""
    if not result.exposures:
        return ""
    rows = (
        [
            ("", escape(exposure.technique)),
            ("", escape(exposure.hyperparameter)),
            ("", escape(exposure.place or "stays fixed")),
            ("reason", escape(exposure.obstacle or "")),
            ("reason", escape(exposure.reason)),
        ]
        for exposure in result.exposures
    )
    head = "<th>technique<th>hyperparameter<th>exposed as<th>obstacle<th>why the run wants it"
    return html_table("exposures", head, rows=rows)


def _groups(result: IntegrationResult) -> str:
    head = (
        "<th>models<th class=n>#<th class=n>μ ± standard error<th class=n>R<th class=n>A"
        "<th class=n>helped<th class=n>neutral<th class=n>regressed"
    )
    rows = (
        [
            ("", name),
            ("n", numbers.count(group.models)),
            ("n", f"{numbers.percent(group.mean)} ± {numbers.spread(group.mean_sem)}"),
            ("n", numbers.rate(group.regression_rate)),
            ("n", numbers.percent(group.value, missing=numbers.MINUS_INFINITY)),
            *(("n", numbers.count(n)) for n in (group.helped, group.neutral, group.regressed)),
        ]
        for name, group in result.groups.items()
        if group is not None
    )
    text = (
        "Δ is the fall of a model's normalized entropy under the new version "
        "against its parent, in percent, with the same seed: higher is better. μ is the mean Δ "
        "by traffic, R the share of models that regressed (Δ below −α, or failed). A = μ where "
        "R ≤ ε and no model failed, else −∞. The version is kept where A over all models is at "
        "least τ. No θ was searched on the holdout models, or with these seeds."
    )
    return f"<h2>What it is worth</h2>{html_table('groups', head, rows=rows)}{caption(text)}"


def _models(result: IntegrationResult) -> str:
    figure = embed(backtest_figure(result.models, result.settings.alpha), "deltas")
    head = (
        "<th>model<th>group<th class=n>weight<th class=n>Δ ± standard error<th class=n>NE before"
        "<th class=n>NE after<th class=n>FLOPs before<th class=n>FLOPs after<th class=n>test rows"
        "<th>failure"
    )
    rows = (
        [
            ("", escape(model.model)),
            ("", "representative" if model.representative else "holdout"),
            ("n", f"{100 * model.weight:.3f}%"),
            ("n", f"{numbers.percent(model.delta.value)} ± {numbers.spread(model.delta.sem)}"),
            ("n", numbers.entropy(model.ne_before)),
            ("n", numbers.entropy(model.ne_after)),
            ("n", _count(model.flops_before)),
            ("n", _count(model.flops_after)),
            ("n", _count(model.test_rows)),
            ("reason", escape(model.delta.reason or "")),
        ]
        for model in result.models
    )
    text = (
        "Small dots are seeds, large marks their mean "
        "with one standard error, of rows and seeds. Left of the dashed line a model has "
        "regressed."
    )
    return f"<h2>Models</h2>{figure}{caption(text)}{html_table('models', head, rows=rows)}"


def _count(value: int | None) -> str:
    return numbers.MISSING if value is None else numbers.count(value)
