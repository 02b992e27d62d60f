"""The HTML page of what the templates' networks cost over fleets."""

from collections.abc import Sequence
from html import escape

from smt.report import numbers
from smt.report.document import Cells, caption, html_document, html_table, write_page
from smt.report.figures.embed import embed
from smt.report.figures.flops import flops_figure, scaled
from smt.results.flops import FlopsResult, TemplateFlops, read_counts
from smt.results.folder import read_result
from smt.storage import Folder
from smt.template.network_counts import Count

TITLE = "Inference FLOPs of the templates"


def write_flops_report(folder: Folder) -> str:
    """Write `report.html` beside the two files of `save_flops`, and return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
    return write_page(folder, flops_page(read_result(folder, FlopsResult), read_counts(folder)))


def flops_page(result: FlopsResult, counts: Sequence[Count]) -> str:
    """The page, as HTML."""
    figure = embed(flops_figure(counts), "flops")
    table = f"<h2>Templates</h2>{_table(result.templates)}"
    sections = [_verdict(result), figure, _caption(result), table]
    return html_document(TITLE, sections, result.to_dict())


def _verdict(result: FlopsResult) -> str:
    flops = result.flops
    fleets = " and ".join(escape(fleet) for fleet in result.fleets)
    plural = "s" if len(result.fleets) > 1 else ""
    return (
        f"<p class=verdict>{numbers.plural(len(result.templates), 'template')} over fleet{plural} "
        f"<b>{fleets}</b>: from {scaled(flops.min)} to {scaled(flops.max)} FLOPs an example, "
        f"<b>{flops.decades:.2f} decades</b>.</p>"
    )


def _caption(result: FlopsResult) -> str:
    over = sum(template.over_limit for template in result.templates)
    exceed = f" Framed in red: {over} above their stage's limit." if over else ""
    return caption(
        f"A mark is one of {numbers.plural(result.networks, 'network')}: a "
        "template over a distinct set of features and events of a fleet. SparseNN is for final "
        "stage ranking, Decoupled SparseNN for the stages before it (Table 1). Counted: matrix "
        "products and weighted sums of steps in one forward pass of one example, both towers "
        "included, sequences as long as the template reads; table look-ups are no FLOPs. Boxes: "
        "least to most. Marks of equal FLOPs stand in a column; the widest gap between neighbours "
        f"is a factor of {result.flops.widest_gap:.2f}. Dotted: what serving allows a stage."
        f"{exceed} Hover for the model and its dense parameters."
    )


def _table(templates: Sequence[TemplateFlops]) -> str:
    head = (
        "<th rowspan=2>template<th rowspan=2>stages<th rowspan=2 class=n>networks"
        "<th rowspan=2 class=n>over limit<th colspan=3 class=c>FLOPs"
        "<th colspan=3 class=c>dense parameters"
    )
    beneath = "<th class=n>least<th class=n>median<th class=n>most" * 2
    return html_table("templates", head, beneath, rows=map(_row, templates))


def _row(template: TemplateFlops) -> Cells:
    amounts = (
        amount
        for spread in (template.flops, template.dense_parameters)
        for amount in (spread.min, spread.median, spread.max)
    )
    return [
        ("", escape(template.template)),
        ("", ", ".join(stage.replace("_", "-") for stage in template.stages)),
        ("n", numbers.count(template.networks)),
        ("n bad" if template.over_limit else "n", numbers.count(template.over_limit)),
        *(("n", numbers.count(round(amount))) for amount in amounts),
    ]
