"""The HTML page of what the templates' networks cost over fleets."""

from collections.abc import Sequence
from html import escape

from smt.report import numbers
from smt.report.document import Cell, caption, html_document, html_table, number, write_page
from smt.report.figures.embed import embed
from smt.report.figures.flops import flops_figure, scaled
from smt.results.flops import FlopsResult, Spread, TemplateFlops, read_counts
from smt.results.folder import read_result
from smt.storage import Folder
from smt.template.network_counts import Count

TITLE = "Inference FLOPs of the templates"


def write_flops_report(folder: Folder) -> str:
    """Write the report beside the two files of `save_flops`, and return its path."""
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
    rows = (
        {
            "template": template.template,
            "stages": ", ".join(stage.replace("_", "-") for stage in template.stages),
            "networks: n": template.networks,
            "over limit: n": number(
                numbers.count(template.over_limit), bad=template.over_limit > 0
            ),
            **_amounts("FLOPs", template.flops),
            **_amounts("dense parameters", template.dense_parameters),
        }
        for template in templates
    )
    return html_table("templates", rows)


def _amounts(of: str, spread: Spread) -> dict[str, Cell]:
    amounts = {"least": spread.min, "median": round(spread.median), "most": spread.max}
    return {f"{of} / {name}: n": amount for name, amount in amounts.items()}
