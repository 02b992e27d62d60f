"""The HTML page."""

from dataclasses import asdict
from html import escape

import plotly.graph_objects as go
from plotly.io import to_html

from smt.report import numbers
from smt.report.contents import Run, Technique
from smt.report.delta_figure import colour_limit, delta_figure, delta_width
from smt.report.document import html_document
from smt.report.fleet_figure import elbow_figure, fleet_figure
from smt.report.tables import failure_table, representative_table, technique_table
from smt.report.theme import CONFIG
from smt.report.trials_figure import trials_figure


def page(run: Run) -> str:
    """The report of a run: one HTML document that refers to nothing outside itself.

    The run's numbers are in it a second time, as JSON in the element `report-data`.
    """
    title = f"Which techniques generalize to fleet {run.fleet}"
    sections = [
        _verdict(run),
        _facts(run),
        _definitions(run),
        _techniques(run),
        _searches(run),
        _fleet(run),
        _representatives(run),
        f"<h2>Failures</h2>{failure_table(run)}",
    ]
    return html_document(title, sections, asdict(run))


def _verdict(run: Run) -> str:
    found = [each for each in run.techniques if each.generalizes]
    total = numbers.plural(len(run.techniques), "technique")
    if found:
        names = ", ".join(
            f"<b>{escape(each.name)}</b> (A* = {numbers.percent(each.shown_trial.value)})"
            for each in found
        )
        verb = "generalizes" if len(found) == 1 else "generalize"
        return f"<p class=verdict>{len(found)} of {total} {verb}: {names}.</p>"
    feasible = [each for each in run.techniques if each.feasible]
    tau = numbers.percent(run.settings["tau"])
    why = (
        "; ".join(
            f"{escape(each.name)} reaches A* = {numbers.percent(each.shown_trial.value)}, "
            f"below τ = {tau}"
            for each in feasible
        )
        or "no trial of any was feasible (A* = −∞)"
    )
    return f"<p class='verdict none'>No technique of {len(run.techniques)} generalizes: {why}.</p>"


def _facts(run: Run) -> str:
    settings = run.settings
    facts = {
        "fleet": run.fleet,
        "models of the fleet": numbers.count(len(run.models)),
        "representatives": str(len(run.representatives)),
        "template": run.template,
        "regression threshold α": f"{settings['alpha']:.3f}%",
        "largest regression rate ε": numbers.rate(settings["epsilon"]),
        "least aggregate τ": numbers.percent(settings["tau"]),
        "search method": str(settings["method"]),
        "trials a technique": str(settings["trials"]),
        "seed": str(settings["seed"]),
        "evaluations": f"{numbers.count(run.evaluations)}, {len(run.failures)} failed",
    }
    items = (f"<div><dt>{name}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts.items())
    return f"<dl>{''.join(items)}</dl>"


def _definitions(run: Run) -> str:
    alpha = f"{run.settings['alpha']:.3f}%"
    return (
        "<p class=caption>Δ is the fall of a model's normalized entropy against its baseline, in "
        "percent: higher is better. μ is the weighted mean Δ of the representatives, R the share "
        f"of them that regressed (Δ below −{alpha}, or failed). A = μ where R ≤ ε and no model "
        "failed, else −∞; A* is A at θ*. A technique generalizes where A* ≥ τ.</p>"
    )


def _techniques(run: Run) -> str:
    alpha = f"{run.settings['alpha']:.3f}%"
    return (
        f"<h2>Techniques</h2>{technique_table(run)}"
        "<p class=caption>A row shows the technique's best trial. Where no θ was feasible, A* is "
        "−∞ and the row shows, in italics, the trial nearest to feasible (least R, then largest "
        f"μ). Helped: Δ above +{alpha}; regressed: Δ below −{alpha}, or failed; red: more than "
        "ε of the models. R of a trial that was rejected early counts the models evaluated.</p>"
    )


def _searches(run: Run) -> str:
    sections = (_search(index, each, run) for index, each in enumerate(run.techniques, 1))
    return f"<h2>Searches</h2>{''.join(sections)}"


def _search(index: int, technique: Technique, run: Run) -> str:
    limit = numbers.percent(colour_limit(technique)).lstrip("+")
    marked = "best trial" if technique.feasible else "trial nearest to feasible (dotted)"
    failed = any(cell.failure for trial in technique.trials for cell in trial.cells)
    crosses = " Red crosses are failed evaluations." if failed else ""
    return (
        f"<section><h3 id=technique-{index}>{escape(technique.name)}</h3>"
        f"<p class=caption>{_effort(technique, run)}</p>"
        "<h4>A over trials</h4>"
        f"{_figure(trials_figure(technique, run.settings['tau']), f'trials-{index}')}"
        "<p class=caption>Filled: A of feasible trials. Hollow: μ of infeasible ones, for which "
        "A is −∞; triangles lie below the axis. Bars: one standard error of μ. Line: "
        "best A so far. Hover for θ, μ and R.</p>"
        "<h4>Δ of every representative in every trial</h4>"
        f"<div style='max-width: {delta_width(technique)}px'>"
        f"{_figure(delta_figure(technique), f'delta-{index}')}</div>"
        f"<p class=caption>Blue: the model gained; red: it lost; colours saturate at ±{limit}. "
        f"The framed row is the {marked}.{crosses} Hover for Δ, its standard error and NE."
        "</p></section>"
    )


def _effort(technique: Technique, run: Run) -> str:
    """How the search went: what it spent, what it saved, and whether it ended early."""
    planned = run.settings["trials"]
    skipped = sum(trial.skipped for trial in technique.trials)
    all_of_them = len(run.representatives) * planned
    unused = len(run.representatives) * (planned - len(technique.trials))
    spent = all_of_them - unused - skipped
    parts = [
        f"{len(technique.trials)} of {planned} trials, {numbers.count(spent)} of "
        f"{numbers.count(all_of_them)} evaluations"
    ]
    if skipped:
        parts.append(f"early rejection saved {numbers.count(skipped)}")
    if technique.stopped is not None:
        parts.append(
            f"the search ended early, which saved {numbers.count(unused)}: "
            + escape(technique.stopped)
        )
    if technique.paper is not None and technique.paper != technique.shown:
        parts.append(
            f"the largest A is that of trial {technique.paper}; θ* is the largest μ by the "
            "surrogate among those that are feasible with probability 0.95, or the surest"
        )
    return "; ".join(parts) + "."


def _fleet(run: Run) -> str:
    return (
        "<h2>Fleet and representatives</h2>"
        f"<div class=side><div>{_figure(fleet_figure(run), 'fleet')}</div>"
        f"<div>{_figure(elbow_figure(run), 'elbow')}</div></div>"
        f"<p class=caption>Left: the {numbers.count(len(run.models))} models by their six "
        "attributes, projected on two principal axes and coloured by cluster; large numbered "
        "marks are the representatives, by the numbers of the table below. Models that share a "
        "place are packed side by side around it, one disc a cluster. Right: k-means inertia over "
        f"the number of clusters; the dashed line is this run's k = {len(run.representatives)}."
        "</p>"
    )


def _representatives(run: Run) -> str:
    return (
        f"<h2>Representatives</h2>{representative_table(run)}"
        "<p class=caption>Weight: share in μ. Baseline NE: of the template without any technique, "
        "on the test rows. FLOPs: of one inference.</p>"
    )


def _figure(figure: go.Figure, name: str) -> str:
    # A name of our own, or equal runs would leave unequal pages.
    return str(to_html(figure, config=CONFIG, include_plotlyjs=False, full_html=False, div_id=name))
