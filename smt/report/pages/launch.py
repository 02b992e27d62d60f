"""The HTML page of what became of a fleet under its templates."""

from collections.abc import Sequence
from html import escape
from statistics import median

from smt.capacity import Capacity
from smt.report import numbers
from smt.report.document import (
    Cell,
    Rows,
    caption,
    fact_list,
    html_document,
    html_table,
    write_page,
)
from smt.report.figures.embed import embed
from smt.report.figures.launch import instances_figure
from smt.report.pages.tuning import tuning_section
from smt.report.terminal.launch import baselines_named, instances_sentence, templates_named
from smt.results.folder import read_result
from smt.results.launch import DeltaSummary, LaunchResult, MeanDelta, ShippedSummary
from smt.results.launch_models import LaunchedModel, read_launched
from smt.storage import Folder

LISTED = 6
"""Of what models are compared with, so many are named in one line."""


def write_instances_report(folder: Folder) -> str:
    """Write the report beside `models.parquet` and `result.json`, and return its path."""
    result = read_result(folder, LaunchResult)
    return write_page(folder, instances_page(result, read_launched(folder)))


def instances_page(result: LaunchResult, models: Sequence[LaunchedModel]) -> str:
    """The page, as HTML."""
    sections = [
        f"<p class=verdict>{_verdict(result)}</p>",
        _facts(result, models),
        f"<h2>What it is worth</h2>{changes_section(result, models)}" if result.delta else "",
        _cost(result, models),
        tuning_section(result.tuning),
        _not_shipped(result),
        _attributes(result),
    ]
    title = f"Fleet {result.fleet} under {templates_named(result)}"
    return html_document(title, sections, result.to_dict())


def _verdict(result: LaunchResult) -> str:
    sentence = instances_sentence(result, numbers.percent)
    return f"<b>{escape(templates_named(result))}</b>: {escape(sentence)}."


def _facts(result: LaunchResult, models: Sequence[LaunchedModel]) -> str:
    seconds = [model.seconds for model in models]
    return fact_list(
        {
            "fleet": result.fleet,
            "compared with": _listed(result.baselines),
            "regression threshold α": f"{result.settings.alpha:.3f}%",
            "capacity": _capacity(result.settings.capacity),
            "seed": str(result.settings.seed),
            "device-hours": f"{sum(model.device_hours for model in models):.2f}",
            "seconds a model": f"{median(seconds):.1f} (median), {max(seconds):.1f} at most",
        }
    )


def _listed(baselines: Sequence[str]) -> str:
    """The first few: a fleet may have a file of predictions a model."""
    more = len(baselines) - LISTED
    return ", ".join([*baselines[:LISTED], *([f"{more:,} more"] if more > 0 else [])]) or "nothing"


def _capacity(capacity: Capacity) -> str:
    if capacity == "free":
        return "free"
    return f"FLOPs and bytes of the fleet may grow by {capacity:g}%"


def changes_section(result: LaunchResult, models: Sequence[LaunchedModel]) -> str:
    """Δ of every model, in a figure and in numbers; nothing where none was compared."""
    figure = instances_figure(models, result.settings.alpha)
    if figure is None:
        return ""
    text = (
        f"Δ is the fall of a model's normalized loss ({numbers.LOSSES}) against "
        f"{escape(baselines_named(result))} on the same rows, in percent: higher is better. "
        "Networks are trained with the same seed. Whiskers: one standard error over judged rows. A "
        "model is held back where, as all models of its change (its template, compared with the "
        "same) tell, its true Δ is likelier than not below the dashed line, -α: noise alone puts "
        "many there. A ring is what they tell of it."
    )
    means = _means(result.delta, result.shipped)
    return f"{embed(figure, 'deltas')}{caption(text)}{means}{_spread(result.delta)}"


def _means(delta: DeltaSummary | None, shipped: ShippedSummary | None) -> str:
    """What the launch is worth over all models, and over those that were chosen."""
    rows: list[dict[str, Cell]] = []
    if delta is not None:
        for name, mean in (("each alike", delta.each), ("by traffic", delta.by_traffic)):
            if mean is not None:
                effect = mean.effect or "is of unknown effect"
                rows.append(_mean_row(f"all, {name}", delta.models, mean, effect))
    if shipped is not None:
        for name, value in (("each alike", shipped.mean), ("by traffic", shipped.mean_by_traffic)):
            if value is not None:
                chosen = MeanDelta(mean=value, interval=None)
                rows.append(_mean_row(f"that ship, {name}", shipped.models, chosen, "selected"))
    text = (
        "The interval counts that models of one log share rows and users, whose noise does not "
        "average out, and that models differ by more than the noise of rows: by seeds, or truly. "
        "Those that ship are selected, and what was measured of what is picked for being high is "
        "too high: their means are of what all models of its change tell of each."
    )
    return f"{html_table('means', rows)}{caption(text)}"


def _mean_row(models: str, count: int, mean: MeanDelta, effect: str) -> dict[str, Cell]:
    return {
        "models": models,
        "#: n": count,
        "mean Δ: n": numbers.percent(mean.mean),
        "95% interval: n": numbers.interval(mean.interval),
        "the launch": effect,
    }


def _spread(deltas: DeltaSummary | None) -> str:
    """How models differ, as measured."""
    if deltas is None:
        return ""
    rows: Rows = [
        {
            "compared: n": deltas.models,
            "least: n": numbers.percent(deltas.min),
            "quartiles: n": ", ".join(map(numbers.percent, deltas.quartiles)),
            "most: n": numbers.percent(deltas.max),
            "better: n": deltas.better,
            "worse: n": deltas.worse,
            "below -α: n": deltas.regressed,
        }
    ]
    text = "As measured, each by itself. Better, worse: a model's own 95% interval excludes 0."
    return f"{html_table('changes', rows)}{caption(text)}"


def _cost(result: LaunchResult, models: Sequence[LaunchedModel]) -> str:
    cost = result.cost
    if cost is None:
        if result.delta is None:
            return ""
        text = "Of no model is it known both what it costs today and what it would cost."
        return f"<h2>What it costs to serve</h2><p id=cost>{text}</p>"
    timed = [
        (model.baseline_latency_ms, model.latency_ms)
        for model in models
        if model.baseline_latency_ms is not None and model.latency_ms is not None
    ]
    before, after = (median(latencies) for latencies in zip(*timed, strict=True))
    rows: list[dict[str, Cell]] = [
        {
            "cost of serving": name,
            "before: n": f"{change.before:,.0f}",
            "were all new: n": f"{change.everywhere:,.0f}",
            "after: n": f"{change.after:,.0f}",
            "budget: n": "free" if change.budget is None else f"{change.budget:,.0f}",
            "saved: n": numbers.percent(change.saved_percent),
        }
        for name, change in (
            ("FLOPs an example, mean by traffic", cost.flops),
            ("bytes, all models together", cost.bytes),
        )
    ]
    rows.append(
        {
            "cost of serving": "p99 latency, ms, median model",
            "before: n": f"{before:.2f}",
            "were all new: n": f"{after:.2f}",
            "after: n": None,
            "budget: n": None,
            "saved: n": numbers.percent(100 * (1 - after / before)),
        }
    )
    text = (
        f"Of the {numbers.plural(cost.models, 'model')} whose networks under their templates and "
        "baselines were measured; what others cost, such as predictions made elsewhere, is in no "
        "budget. After: those that ship are new, the others stay as they are. Latency is of this "
        "run's machines, which were training other models meanwhile: it is held to each model's "
        "limit alone."
    )
    return f"<h2>What it costs to serve</h2>{html_table('cost', rows)}{caption(text)}"


def _not_shipped(result: LaunchResult) -> str:
    if not result.not_shipped:
        return "<h2>What does not ship</h2><p id=not_shipped>Every model ships.</p>"
    rows = (
        {
            "model": model.model,
            "outcome": model.outcome,
            "Δ: n": numbers.percent(model.delta.value),
            "standard error: n": None
            if model.delta.sem is None
            else numbers.spread(model.delta.sem),
            "why: reason": "; ".join(model.reasons),
        }
        for model in result.not_shipped
    )
    return f"<h2>What does not ship</h2>{html_table('not_shipped', rows)}"


def _attributes(result: LaunchResult) -> str:
    rows: Rows = (
        {
            "attribute": name.replace("_", " "),
            "value": value.replace("_", "-") if name == "stage" else value,
            "models: n": group.models,
            "ship: n": group.ships,
            "held back: n": group.held_back,
            "failed: n": group.failed,
            "mean Δ: n": numbers.percent(group.mean_delta),
        }
        for name, groups in result.attributes.items()
        for value, group in groups.items()
    )
    return f"<h2>By attribute</h2>{html_table('attributes', rows)}"
