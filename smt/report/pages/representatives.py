"""The HTML page of which models stand for a fleet."""

from collections.abc import Sequence
from html import escape

from smt.report import numbers
from smt.report.document import Row, caption, html_document, html_table, number, write_page
from smt.report.pages.fleet import fleet_section
from smt.report.terminal.representatives import representative_count, representative_figures
from smt.results.folder import read_result
from smt.results.representatives import RepresentativeModel, RepresentativesResult
from smt.results.run_reading import Model, read_models
from smt.storage import Folder

# Hennig (2007): a cluster that is less alike than this in resamples is dissolved.
DISSOLVED = 0.5


def write_representatives_report(folder: Folder) -> str:
    """Write the report beside the two files of `save_representatives`; return its path."""
    result = read_result(folder, RepresentativesResult)
    return write_page(folder, representatives_page(result, read_models(folder)))


def representatives_page(result: RepresentativesResult, models: Sequence[Model]) -> str:
    """The page, as HTML."""
    sections = [
        _verdict(result),
        fleet_section(models, result),
        f"<h2>Representatives</h2>{_table(result)}{_caption(result)}",
        f"<h2>Holdout</h2>{_holdout(result)}",
    ]
    title = f"Which models stand for fleet {result.fleet}"
    return html_document(title, sections, result.to_dict())


def _verdict(result: RepresentativesResult) -> str:
    weights = ", ".join(
        f"{name} {weight:g}" for name, weight in result.attribute_weights if weight != 1.0
    )
    weighted = f" Attributes count once, but: {escape(weights)}." if weights else ""
    best = result.silhouette
    second = "has none" if best is None else f"is largest at k = {best}"
    return (
        f"<p class=verdict><b>{representative_count(result)}</b> for the "
        f"{numbers.plural(result.models, 'model')} of fleet {escape(result.fleet)}: "
        f"the elbow of the inertia is at k = {result.elbow}, the silhouette {second}.{weighted}</p>"
    )


def _table(result: RepresentativesResult) -> str:
    rows = (_row(index, model) for index, model in enumerate(result.representatives, 1))
    return html_table("representatives", rows)


def _row(index: int, model: RepresentativeModel) -> Row:
    members, traffic, again, jaccard = representative_figures(model)
    return {
        "#: n": index,
        "model": model.model,
        "stage": model.stage.replace("_", "-"),
        "FLOPs: n": model.inference_flops,
        "hardware": model.inference_hardware,
        "event": model.event,
        "surface": model.surface,
        "data constraint": model.data_constraint,
        "members: n": members,
        "traffic: n": traffic,
        "again: n": again,
        "Jaccard: n": number(jaccard, bad=model.jaccard < DISSOLVED),
    }


def _caption(result: RepresentativesResult) -> str:
    return caption(
        "Each is the member nearest to the centre of its cluster; of several as near, one whose "
        "attributes fewest others have. An event, a surface or another value that none of these "
        "has is given by the cluster where that costs least. Traffic: the cluster's share "
        "of the fleet's weight. Again: the share "
        f"of {result.resamples} fleets, drawn from this one with replacement, in which the "
        "model is again a centre-most member: low where others would do as well. Jaccard: models "
        "in both its cluster and the likest one there, over models in either, mean; from 0.75 a "
        f"cluster is stable, in red below {DISSOLVED:g}, where it falls apart (Hennig 2007)."
    )


def _holdout(result: RepresentativesResult) -> str:
    if not result.holdout:
        return "<p>None.</p>"
    rows = (
        {"model": model.model, "represented by": model.represented_by} for model in result.holdout
    )
    text = (
        "Drawn over the clusters in turn, none of them a representative: what "
        "generalizes must hold there too."
    )
    return html_table("holdout", rows) + caption(text)
