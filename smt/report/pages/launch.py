"""What became of a fleet under a template: on a terminal, and as an HTML page."""

import json
from collections.abc import Callable, Sequence
from html import escape
from statistics import median
from typing import Any

from rich.table import Table

from smt.report import numbers
from smt.report.document import html_document
from smt.report.figures.embed import embed
from smt.report.figures.launch import instances_figure
from smt.report.html_table import html_table
from smt.report.pages.tuning import tuning_section
from smt.storage import Folder

MODELS, RESULT = "models.parquet", "result.json"
OUTCOMES = ("ships", "held back", "failed")

Result = dict[str, Any]
Row = dict[str, Any]


def write_instances_report(folder: Folder) -> str:
    """Write `report.html` beside `models.parquet` and `result.json`, and return its path.

    The page refers to nothing outside itself; equal files leave equal pages.
    """
    result = json.loads(folder.read(RESULT))
    rows = folder.read_table(MODELS).to_pylist()
    folder.write("report.html", instances_page(result, rows).encode())
    return folder.path("report.html")


def instances_page(result: Result, rows: Sequence[Row]) -> str:
    """The page, as HTML.

    Args:
        result: Content of `result.json`.
        rows: Of `models.parquet`.
    """
    sections = [
        f"<p class=verdict>{_verdict(result)}</p>",
        _facts(result, rows),
        _changes(result, rows),
        _cost(result, rows),
        tuning_section(result["tuning"]),
        _not_shipped(result),
        _attributes(result),
    ]
    title = f"Fleet {result['fleet']} under {result['template']}"
    return html_document(title, sections, result)


def instances_summary(result: Result) -> Table:
    """The same on a terminal, by stage.

    Args:
        result: Content of `result.json`.
    """
    table = Table(title=f"fleet {result['fleet']} under {result['template']}")
    for name in ("stage", "models", *OUTCOMES, "mean Δ"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage, group in result["attributes"]["stage"].items():
        mean = group["mean_delta"]
        table.add_row(
            stage,
            *(numbers.count(group[key]) for key in ("models", *OUTCOMES)),
            "-" if mean is None else f"{mean:+.3f}%",
        )
    return table


def instances_sentence(
    result: Result, percent: Callable[[float], str] = lambda value: f"{value:+.3f}%"
) -> str:
    """The fleet in one sentence, without its end.

    Args:
        percent: Writes a change.
    """
    outcomes, total = result["outcomes"], result["models"]
    text = (
        f"{outcomes['ships']} of {numbers.plural(total, 'model')} ship, {outcomes['held back']} "
        f"held back, {outcomes['failed']} failed"
    )
    delta = result["shipped_delta"]
    if delta is not None:
        text += (
            f"; those that ship gain {percent(delta['mean'])} on average over "
            f"{result['baseline']}, {percent(delta['max'])} at most"
        )
    return text


def _verdict(result: Result) -> str:
    sentence = instances_sentence(result, numbers.percent)
    return f"<b>{escape(result['template'])}</b>: {escape(sentence)}."


def _facts(result: Result, rows: Sequence[Row]) -> str:
    seconds = [row["seconds"] for row in rows]
    facts = {
        "fleet": result["fleet"],
        "compared with": result["baseline"] or "nothing",
        "regression threshold α": f"{result['settings']['alpha']:.3f}%",
        "seed": str(result["settings"]["seed"]),
        "device-hours": f"{sum(row['device_hours'] for row in rows):.2f}",
        "seconds a model": f"{median(seconds):.1f} (median), {max(seconds):.1f} at most",
    }
    items = (f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _changes(result: Result, rows: Sequence[Row]) -> str:
    figure = instances_figure(rows, result["settings"]["alpha"])
    if figure is None:
        return ""
    head = (
        "<th>models<th class=n>#<th class=n>mean<th class=n>mean by traffic<th class=n>least"
        "<th class=n>quartiles<th class=n>most<th class=n>better<th class=n>worse"
        "<th class=n>regressed"
    )
    groups = {"compared": result["delta"], "that ship": result["shipped_delta"]}
    table = (
        [
            ("", name),
            ("n", numbers.count(each["models"])),
            ("n", numbers.percent(each["mean"])),
            ("n", numbers.percent(each["mean_by_traffic"])),
            ("n", numbers.percent(each["min"])),
            ("n", ", ".join(map(numbers.percent, each["quartiles"]))),
            ("n", numbers.percent(each["max"])),
            *(("n", numbers.count(each[key])) for key in ("better", "worse", "regressed")),
        ]
        for name, each in groups.items()
        if each is not None
    )
    return (
        f"<h2>What it is worth</h2>{embed(figure, 'deltas')}"
        "<p class=caption>Δ is the fall of a model's normalized entropy against "
        f"{escape(result['baseline'])}, trained with the same seed on the same rows, in percent: "
        "higher is better. Whiskers: one standard error over test rows. Below the dashed line, -α, "
        "a model has regressed and is held back. Better, worse: the 95% interval excludes 0.</p>"
        f"{html_table('changes', head, table)}"
    )


def _cost(result: Result, rows: Sequence[Row]) -> str:
    cost = result["cost"]
    if cost is None:
        return ""
    timed = [row for row in rows if None not in (row["latency_ms"], row["baseline_latency_ms"])]
    before, after = (
        median(row[key] for row in timed) for key in ("baseline_latency_ms", "latency_ms")
    )
    shown = [
        ("FLOPs an example, mean by traffic", cost["flops"], ",.0f"),
        ("bytes, all models together", cost["bytes"], ",.0f"),
        (
            "p99 latency, ms, median model",
            {"before": before, "after": after, "saved_percent": 100 * (1 - after / before)},
            ".2f",
        ),
    ]
    table = (
        [
            ("", name),
            ("n", f"{each['before']:{form}}"),
            ("n", f"{each['after']:{form}}"),
            ("n", numbers.percent(each["saved_percent"])),
        ]
        for name, each, form in shown
    )
    head = "<th>cost of serving<th class=n>before<th class=n>after<th class=n>saved"
    return (
        f"<h2>What it costs to serve</h2>{html_table('cost', head, table)}"
        f"<p class=caption>Of the {numbers.plural(cost['models'], 'model')} whose networks under "
        "both templates were measured. Latency is of this run's machines, which were training "
        "other models meanwhile.</p>"
    )


def _not_shipped(result: Result) -> str:
    if not result["not_shipped"]:
        return "<h2>What does not ship</h2><p id=not_shipped>Every model ships.</p>"
    table = (
        [
            ("", escape(each["model"])),
            ("", each["outcome"]),
            ("n", numbers.percent(each["delta"])),
            ("n", numbers.MISSING if each["sem"] is None else numbers.spread(each["sem"])),
            ("reason", escape("; ".join(each["reasons"]))),
        ]
        for each in result["not_shipped"]
    )
    head = "<th>model<th>outcome<th class=n>Δ<th class=n>standard error<th>why"
    return f"<h2>What does not ship</h2>{html_table('not_shipped', head, table)}"


def _attributes(result: Result) -> str:
    head = (
        "<th>attribute<th>value<th class=n>models<th class=n>ship<th class=n>held back"
        "<th class=n>failed<th class=n>mean Δ"
    )
    table = (
        [
            ("", name.replace("_", " ")),
            ("", escape(value.replace("_", "-") if name == "stage" else value)),
            *(("n", numbers.count(group[key])) for key in ("models", *OUTCOMES)),
            ("n", numbers.percent(group["mean_delta"])),
        ]
        for name, values in result["attributes"].items()
        for value, group in values.items()
    )
    return f"<h2>By attribute</h2>{html_table('attributes', head, table)}"
