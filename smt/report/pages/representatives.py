"""Which models stand for a fleet: in files, on a terminal, and as an HTML page."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from rich.table import Table

from smt.fleet import (
    AttributeWeights,
    Fleet,
    ModelSpec,
    Representatives,
    Stability,
    fleet_table,
)
from smt.fleet.attributes import attributes
from smt.fleet.cluster_count import elbow
from smt.report import numbers
from smt.report.document import html_document
from smt.report.html_table import html_table
from smt.report.pages.fleet import fleet_section
from smt.results.folder import RESULT
from smt.results.run_reading import FLEET, Model, by_count, read_models
from smt.storage import Folder

Result = dict[str, Any]

# Hennig (2007): a cluster that is less alike than this in resamples is dissolved.
DISSOLVED = 0.5


def save_representatives(
    fleet: Fleet,
    chosen: Representatives,
    holdout: Sequence[ModelSpec],
    stability: Stability,
    weights: AttributeWeights,
    folder: Folder,
) -> Result:
    """Write `fleet.parquet`, a row a model, and `result.json`.

    Returns:
        The content of `result.json`.
    """
    result = summarise_representatives(fleet, chosen, holdout, stability, weights)
    folder.write_table(FLEET, fleet_table(fleet, chosen, holdout))
    folder.write(RESULT, json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise_representatives(
    fleet: Fleet,
    chosen: Representatives,
    holdout: Sequence[ModelSpec],
    stability: Stability,
    weights: AttributeWeights,
) -> Result:
    """Who stands for whom, and how surely.

    `elbow` and `silhouette` are the k that either curve would choose, None where it has none.
    Of a representative: `members` and `traffic` of its cluster (a share of the fleet's),
    `again` and `jaccard` as in `Stability`.
    """
    clusters = {
        model.name: int(of) for model, of in zip(fleet.models, chosen.clusters, strict=True)
    }
    total = sum(model.weight for model in fleet.models)
    members: list[list[ModelSpec]] = [[] for _ in chosen.models]
    for model in fleet.models:
        members[clusters[model.name]].append(model)
    return {
        "fleet": fleet.name,
        "models": len(fleet.models),
        "attribute_weights": weights.to_dict(),
        "inertias": {str(k): value for k, value in chosen.inertias.items()},
        "silhouettes": {str(k): value for k, value in chosen.silhouettes.items()},
        "elbow": elbow(chosen.inertias),
        "silhouette": max(chosen.silhouettes, key=lambda k: chosen.silhouettes[k], default=None),
        "resamples": stability.resamples,
        "representatives": [
            {
                "model": model.name,
                **attributes(model),
                "members": len(own),
                "traffic": sum(each.weight for each in own) / total,
                "again": float(again),
                "jaccard": float(jaccard),
            }
            for model, own, again, jaccard in zip(
                chosen.models, members, stability.members, stability.clusters, strict=True
            )
        ],
        "holdout": [
            {"model": model.name, "represented_by": chosen.models[clusters[model.name]].name}
            for model in holdout
        ],
    }


def write_representatives_report(folder: Folder) -> str:
    """Write `report.html` beside the two files of `save_representatives`; return its path.

    The page refers to nothing outside itself; equal results leave equal pages.
    """
    result = json.loads(folder.read(RESULT))
    page = representatives_page(result, read_models(folder))
    folder.write("report.html", page.encode())
    return folder.path("report.html")


def representatives_page(result: Result, models: Sequence[Model]) -> str:
    """The page, as HTML.

    Args:
        result: As `save_representatives` returns it.
    """
    curves = [by_count(result[name]) for name in ("inertias", "silhouettes")]
    sections = [
        _verdict(result),
        fleet_section(models, [each["model"] for each in result["representatives"]], *curves),
        f"<h2>Representatives</h2>{_table(result)}{_caption(result)}",
        f"<h2>Holdout</h2>{_holdout(result)}",
    ]
    return html_document(f"Which models stand for fleet {result['fleet']}", sections, result)


def representatives_summary(result: Result) -> Table:
    """The same on a terminal.

    Args:
        result: As `save_representatives` returns it.
    """
    table = Table(
        title=f"{_count(result)} stand for {numbers.plural(result['models'], 'model')}",
        caption=f"elbow at k = {result['elbow']}, best silhouette at k = {result['silhouette']}",
    )
    for name in ("model", "members", "traffic", "again", "Jaccard"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for each in result["representatives"]:
        table.add_row(each["model"], *_figures(each))
    return table


def _count(result: Result) -> str:
    return numbers.plural(len(result["representatives"]), "representative")


def _opinions(result: Result) -> str:
    best = result["silhouette"]
    second = "has none" if best is None else f"is largest at k = {best}"
    return f"the elbow of the inertia is at k = {result['elbow']}, the silhouette {second}"


def _figures(each: Result) -> tuple[str, ...]:
    """A representative's members, traffic, recurrence and Jaccard similarity."""
    return (
        numbers.count(each["members"]),
        f"{100 * each['traffic']:.1f}%",
        f"{100 * each['again']:.0f}%",
        f"{each['jaccard']:.2f}",
    )


def _verdict(result: Result) -> str:
    weights = ", ".join(
        f"{name} {weight:g}"
        for name, weight in result["attribute_weights"].items()
        if weight != 1.0
    )
    weighted = f" Attributes count once, but: {escape(weights)}." if weights else ""
    return (
        f"<p class=verdict><b>{_count(result)}</b> for the "
        f"{numbers.plural(result['models'], 'model')} of fleet {escape(result['fleet'])}: "
        f"{_opinions(result)}.{weighted}</p>"
    )


def _table(result: Result) -> str:
    head = (
        "<th class=n>#<th>model<th>stage<th class=n>FLOPs<th>hardware<th>event<th>surface"
        "<th>data constraint<th class=n>members<th class=n>traffic<th class=n>again"
        "<th class=n>Jaccard"
    )
    rows = (_row(index, each) for index, each in enumerate(result["representatives"], 1))
    return html_table("representatives", head, rows)


def _row(index: int, each: Result) -> list[tuple[str, str]]:
    words = ("inference_hardware", "event", "surface", "data_constraint")
    *figures, jaccard = _figures(each)
    return [
        ("n", str(index)),
        ("", escape(each["model"])),
        ("", each["stage"].replace("_", "-")),
        ("n", numbers.count(each["inference_flops"])),
        *(("", escape(each[word])) for word in words),
        *(("n", figure) for figure in figures),
        ("n bad" if each["jaccard"] < DISSOLVED else "n", jaccard),
    ]


def _caption(result: Result) -> str:
    return (
        "<p class=caption>Each is the member nearest to the centre of its cluster; of several as "
        "near, one is drawn. Traffic: the cluster's share of the fleet's weight. Again: the share "
        f"of {result['resamples']} fleets, drawn from this one with replacement, in which the "
        "model is again a centre-most member: low where others would do as well. Jaccard: models "
        "in both its cluster and the likest one there, over models in either, mean; from 0.75 a "
        f"cluster is stable, in red below {DISSOLVED:g}, where it falls apart (Hennig 2007).</p>"
    )


def _holdout(result: Result) -> str:
    if not result["holdout"]:
        return "<p>None.</p>"
    rows = (
        [("", escape(each["model"])), ("", escape(each["represented_by"]))]
        for each in result["holdout"]
    )
    return (
        f"{html_table('holdout', '<th>model<th>represented by', rows)}"
        "<p class=caption>Drawn over the clusters in turn, none of them a representative: what "
        "generalizes must hold there too.</p>"
    )
