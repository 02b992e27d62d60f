"""The HTML page of what a run made of several templates."""

from html import escape
from urllib.parse import quote

from smt.report import numbers
from smt.report.document import (
    Html,
    Rows,
    badge,
    caption,
    fact_list,
    html_document,
    html_table,
    write_page,
)
from smt.report.terminal.integrations import version_named
from smt.results.folder import read_result
from smt.results.integrations import IntegrationsResult, TemplateIntegration
from smt.storage import Folder


def write_integrations_report(folder: Folder) -> str:
    """Write the report beside the `result.json` of several back-tests, and return its path."""
    return write_page(folder, integrations_page(read_result(folder, IntegrationsResult)))


def integrations_page(result: IntegrationsResult) -> str:
    """The page, as HTML; templates lead to the pages of their back-tests."""
    kept = [version_named(template) for template in result.templates if template.decision == "kept"]
    kind = "verdict" if kept else "verdict none"
    verb = "are" if len(kept) > 1 else "is"
    said = f"{numbers.listing(kept)} {verb} kept" if kept else "No version is kept"
    sections = [
        f"<p class='{kind}'>{escape(said)}, of {numbers.plural(len(result.templates), 'template')}."
        "</p>",
        fact_list(
            {
                "fleet": result.fleet,
                "run": result.run,
                "serving the fleet": numbers.growth(result.growth),
            }
        ),
        html_table("templates", _rows(result)),
        caption(
            "Each template gets the techniques that generalize and fit it, and is tried against "
            "its parent on the models of the run's sample that are built from it. μ: mean Δ with "
            "its standard error; R: share of models that fall by over α. FLOPs, bytes: change of "
            "what serving the template's models costs, weighted by traffic. Serving the fleet: of "
            "all its models together, with the versions that are kept."
        ),
    ]
    return html_document(f"What a run made of fleet {result.fleet}", sections, result.to_dict())


def _rows(result: IntegrationsResult) -> Rows:
    for template in result.templates:
        flops, bytes_ = numbers.cost_changes(template.savings)
        yield {
            "template": Html(_link(template)),
            "techniques": ", ".join(template.techniques) or numbers.MISSING,
            "models: n": template.models,
            "μ: n": numbers.measured(template.mean, template.mean_sem),
            "R: n": None
            if template.regression_rate is None
            else numbers.rate(template.regression_rate),
            "FLOPs: n": flops,
            "bytes: n": bytes_,
            "version": Html(badge(template.decision == "kept", template.decision)),
            "why: reason": template.reason,
        }


def _link(template: TemplateIntegration) -> str:
    name = escape(version_named(template))
    if template.decision == "not made":
        return name
    return f"<a href='{quote(template.template)}/report.html'>{name}</a>"
