"""What the templates' networks cost over fleets: counted, in files, and as an HTML page."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from itertools import pairwise
from statistics import median
from typing import Any

import pyarrow as pa
from rich.table import Table

from smt.report import numbers
from smt.report.document import html_document
from smt.report.figures.embed import embed
from smt.report.figures.flops import flops_figure, scaled
from smt.storage import Folder
from smt.template import catalogue
from smt.template.network_counts import Count

Result = dict[str, Any]

FLOPS, RESULT = "flops.parquet", "result.json"
TITLE = "Inference FLOPs of the templates"


def save_flops(counts: Sequence[Count], folder: Folder) -> Result:
    """Write `flops.parquet`, a row a network, and `result.json`.

    Args:
        counts: At least one.

    Returns:
        The content of `result.json`.
    """
    result = summarise_flops(counts)
    folder.write_table(FLOPS, pa.Table.from_pylist([asdict(each) for each in counts]))
    folder.write(RESULT, json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise_flops(counts: Sequence[Count]) -> Result:
    """Per template, and over all templates, from the least to the most FLOPs.

    Medians are over networks, each counted once. `decades` is the log10 of the most over the
    least; `widest_gap` is the largest factor between one network's FLOPs and the next one's.
    Templates are in the catalogue's order.
    """
    flops = sorted(each.flops for each in counts)
    steps = pairwise(flops)
    return {
        "fleets": list(dict.fromkeys(each.fleet for each in counts)),
        "networks": len(counts),
        "flops": {
            "min": flops[0],
            "max": flops[-1],
            "decades": math.log10(flops[-1] / flops[0]),
            "widest_gap": max((above / below for below, above in steps), default=1.0),
        },
        "templates": [
            _template([each for each in counts if each.template == name])
            for name in catalogue
            if any(each.template == name for each in counts)
        ],
    }


def write_flops_report(folder: Folder) -> str:
    """Write `report.html` beside the two files of `save_flops`, and return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
    result = json.loads(folder.read(RESULT))
    counts = [Count(**row) for row in folder.read_table(FLOPS).to_pylist()]
    folder.write("report.html", flops_page(result, counts).encode())
    return folder.path("report.html")


def flops_page(result: Result, counts: Sequence[Count]) -> str:
    """The page, as HTML.

    Args:
        result: As `save_flops` returns it.
    """
    figure = embed(flops_figure(counts), "flops")
    table = f"<h2>Templates</h2>{_table(result['templates'])}"
    sections = [_verdict(result), figure, _caption(result), table]
    return html_document(TITLE, sections, result)


def flops_summary(result: Result) -> Table:
    """The same on a terminal.

    Args:
        result: As `save_flops` returns it.
    """
    flops = result["flops"]
    table = Table(
        title="inference FLOPs of one example",
        caption=f"{flops['decades']:.2f} decades, widest gap a factor of {flops['widest_gap']:.2f}",
    )
    for name in ("template", "networks", "over limit", "least", "median", "most"):
        table.add_column(name, justify="left" if name == "template" else "right")
    for each in result["templates"]:
        amounts = (each["networks"], each["over_limit"], *each["flops"].values())
        table.add_row(each["template"], *(numbers.count(round(amount)) for amount in amounts))
    return table


def _template(counts: Sequence[Count]) -> Result:
    flops = [each.flops for each in counts]
    dense = [each.dense_parameters for each in counts]
    return {
        "template": counts[0].template,
        "paradigm": counts[0].paradigm,
        "scale": counts[0].scale,
        "stages": list(dict.fromkeys(each.stage for each in counts)),
        "networks": len(counts),
        "over_limit": sum(each.over for each in counts),
        "flops": {"min": min(flops), "median": median(flops), "max": max(flops)},
        "dense_parameters": {"min": min(dense), "median": median(dense), "max": max(dense)},
    }


def _verdict(result: Result) -> str:
    flops, templates = result["flops"], result["templates"]
    fleets = " and ".join(escape(each) for each in result["fleets"])
    plural = "s" if len(result["fleets"]) > 1 else ""
    return (
        f"<p class=verdict>{numbers.plural(len(templates), 'template')} over fleet{plural} "
        f"<b>{fleets}</b>: from {scaled(flops['min'])} to {scaled(flops['max'])} FLOPs an example, "
        f"<b>{flops['decades']:.2f} decades</b>.</p>"
    )


def _caption(result: Result) -> str:
    gap = result["flops"]["widest_gap"]
    over = sum(each["over_limit"] for each in result["templates"])
    exceed = f" Framed in red: {over} above their stage's limit." if over else ""
    return (
        f"<p class=caption>A mark is one of {numbers.plural(result['networks'], 'network')}: a "
        "template over a distinct set of features and events of a fleet. SparseNN is for final "
        "stage ranking, Decoupled SparseNN for the stages before it (Table 1). Counted: matrix "
        "products and weighted sums of steps in one forward pass of one example, both towers "
        "included, sequences as long as the template reads; table look-ups are no FLOPs. Boxes: "
        "least to most. Marks of equal FLOPs stand in a column; the widest gap between neighbours "
        f"is a factor of {gap:.2f}. Dotted: what serving allows a stage.{exceed} Hover for the "
        "model and its dense parameters.</p>"
    )


def _table(templates: Iterable[Result]) -> str:
    head = (
        "<tr><th rowspan=2>template<th rowspan=2>stages<th rowspan=2 class=n>networks"
        "<th rowspan=2 class=n>over limit<th colspan=3 class=c>FLOPs"
        "<th colspan=3 class=c>dense parameters</tr>"
        f"<tr>{'<th class=n>least<th class=n>median<th class=n>most' * 2}</tr>"
    )
    body = "\n".join(_row(each) for each in templates)
    return (
        f"<div class=wide><table id=templates><thead>{head}</thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(template: Result) -> str:
    stages = ", ".join(each.replace("_", "-") for each in template["stages"])
    over = template["over_limit"]
    cells = "".join(
        f"<td class=n>{numbers.count(round(template[measure][key]))}</td>"
        for measure in ("flops", "dense_parameters")
        for key in ("min", "median", "max")
    )
    return (
        f"<tr><td>{escape(template['template'])}</td><td>{stages}</td>"
        f"<td class=n>{numbers.count(template['networks'])}</td>"
        f"<td class='n{' bad' if over else ''}'>{numbers.count(over)}</td>{cells}</tr>"
    )
