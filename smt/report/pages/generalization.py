"""The HTML page of a generalization."""

from html import escape

from smt.report import numbers
from smt.report.document import fact_list, html_document, write_page
from smt.report.pages.fleet import fleet_section
from smt.report.pages.technique import technique_section
from smt.report.pages.technique_tables import (
    failure_table,
    representative_table,
    short_window_table,
    technique_table,
)
from smt.results.run_reading import Run, read_run
from smt.results.technique import TechniqueRecord
from smt.storage import Folder


def write_report(folder: Folder) -> str:
    """Write the report of a finished generalization, and return its path.

    Args:
        folder: Holds `result.json`, `evaluations.parquet` and `fleet.parquet`, as
            `smt.mmo.record.save` leaves them. Nothing else of it is read.

    Raises:
        InputError: One of these files is missing.
    """
    return write_page(folder, page(read_run(folder)))


def page(run: Run) -> str:
    """The report of a run: one HTML document that refers to nothing outside itself.

    The run's numbers are in it a second time, as JSON in the element `report-data`.
    """
    title = f"Which techniques generalize to fleet {run.result.fleet}"
    sections = [
        _verdict(run),
        _short_windows(run),
        _facts(run),
        _definitions(run),
        _techniques(run),
        _searches(run),
        f"<h2>Fleet and representatives</h2>{fleet_section(run.models, run.result)}",
        _representatives(run),
        f"<h2>Failures</h2>{failure_table(run)}",
    ]
    return html_document(title, sections, run.to_dict())


def _verdict(run: Run) -> str:
    """Which techniques generalize, and of every one why or why not."""
    techniques = run.result.techniques
    chosen = [technique for technique in techniques if technique.generalizes]
    if chosen:
        names = ", ".join(
            f"<b>{escape(technique.name)}</b> ({_worth(technique)})" for technique in chosen
        )
        verb = "generalizes" if len(chosen) == 1 else "generalize"
        total = numbers.plural(len(techniques) + len(run.result.untried), "technique")
        kind, sentence = "verdict", f"{len(chosen)} of {total} {verb}: {names}."
    else:
        searched = len(techniques) + len(run.result.untried)
        kind, sentence = "verdict none", f"No technique of {searched} generalizes."
    reasons = "".join(
        f"<li><b>{escape(technique.name)}</b>: {escape(technique.reason)}.</li>"
        for technique in techniques
    )
    reasons += "".join(
        f"<li><b>{escape(name)}</b>: {escape(why)}.</li>"
        for name, why in run.result.untried.items()
    )
    return f"<div class='{kind}'><p>{sentence}</p><ul>{reasons}</ul></div>"


def _worth(technique: TechniqueRecord) -> str:
    """Why a technique generalizes, in a number."""
    if technique.kind == "saving":
        return f"saves {technique.shown.savings}"
    return f"A* = {numbers.percent(technique.shown.value)}"


def _short_windows(run: Run) -> str:
    if not run.result.short_windows:
        return ""
    short = sorted(run.result.short_windows.items(), key=lambda pair: pair[1].rows / pair[1].needed)
    (worst, window), of_all = short[0], len(run.result.representatives)
    return (
        f"<div class=warning><p>{len(short)} of {of_all} representatives have too few judged rows "
        f"to tell a change of α = {run.result.settings.alpha:.3f}%: {escape(worst)} has "
        f"{numbers.count(window.rows)} and needs {numbers.count(window.needed)}. Their "
        "regressions may be chance, and count in R.</p>"
        f"<details><summary>Which</summary>{short_window_table(dict(short))}</details></div>"
    )


def _facts(run: Run) -> str:
    settings = run.result.settings
    facts = {
        "fleet": run.result.fleet,
        "models of the fleet": numbers.count(len(run.models)),
        "representatives": str(len(run.result.representatives)),
        "templates": ", ".join(run.result.templates),
        "regression threshold α": f"{settings.alpha:.3f}%",
        "largest regression rate ε": numbers.rate(settings.epsilon),
        "least aggregate τ": numbers.percent(settings.tau),
        "weights of μ": settings.weights,
        "search method": settings.method,
        "trials a technique": str(settings.trials),
        "seed of the search": str(settings.seed),
    }
    facts["capacity"] = numbers.capacity(settings.capacity)
    if not settings.paper_exact:
        facts["least saving"] = f"{settings.saving:.1%}"
        facts["fresh seeds"] = str(settings.fresh_seeds)
        facts["candidates a technique"] = str(settings.candidates)
    if run.result.holdout_models:
        facts["holdout models"] = str(len(run.result.holdout_models))
    evaluations = f"{numbers.count(len(run.evaluations))}, {len(run.failures)} failed"
    return fact_list({**facts, "evaluations": evaluations})


def _definitions(run: Run) -> str:
    alpha = f"{run.result.settings.alpha:.3f}%"
    return (
        f"<p class=caption>Δ is the fall of a model's normalized loss ({numbers.LOSSES}) against "
        "its baseline, in percent: higher is better. μ is the weighted mean Δ of the "
        "representatives, R the share "
        f"of them that regressed (Δ below −{alpha}, or failed). A = μ where R ≤ ε and no model "
        f"failed, else −∞; A* is A at θ*. {_rule(run)}</p>"
    )


def _rule(run: Run) -> str:
    """What makes a technique generalize."""
    settings = run.result.settings
    if settings.paper_exact:
        rule = "A technique generalizes where A* of its search is at least τ (Algorithm 1)"
    else:
        rule = (
            "The best of a search are measured again on fresh seeds; a technique generalizes "
            "where A* there is at least τ and μ is above 0 with 95% confidence (gain), or where it "
            f"saves at least {settings.saving:.1%} of FLOPs or bytes, P(R ≤ ε) is at least 0.95 "
            "and μ above −τ with 95% confidence (saving)"
        )
    if run.result.holdout_models:
        rule += (
            ", and on the holdout models, which the search never saw, μ reaches τ (−τ where it "
            "saves) and R is not surely above ε"
        )
    return f"{rule}."


def _techniques(run: Run) -> str:
    alpha = f"{run.result.settings.alpha:.3f}%"
    order = (
        " One on top of the other: a technique was measured on the template with those accepted "
        "above it, and its Δ is against that."
        if run.result.settings.sequential
        else ""
    )
    return (
        f"<h2>Techniques</h2>{technique_table(run)}"
        "<p class=caption>A row shows the technique's θ*, by the numbers that the verdict rests "
        "on; where the search alone would have said otherwise, that is beneath. Where no θ was "
        "feasible, A* is −∞ and the row shows, in italics, the trial nearest to feasible (least "
        f"R, then largest μ). Helped: Δ above +{alpha}; regressed: Δ below −{alpha}, or failed; "
        "red: more than ε of the models. P(R ≤ ε): the chance that no more than ε of the models "
        "truly regress. Serving the fleet: by how much all its models together cost more, FLOPs "
        f"weighted by traffic. {_capacity(run)}"
        f"R of a trial that was rejected early counts the models evaluated.{order}</p>"
    )


def _capacity(run: Run) -> str:
    """What θ may cost."""
    capacity = run.result.settings.capacity
    if capacity == "free":
        return "A θ may cost any amount. "
    return (
        f"A θ that would make it more than {capacity:g}% dearer, or break a model's limits, is "
        "not tried. "
    )


def _searches(run: Run) -> str:
    sections = (
        technique_section(index, technique, run)
        for index, technique in enumerate(run.result.techniques, 1)
    )
    return f"<h2>Technique by technique</h2>{''.join(sections)}"


def _representatives(run: Run) -> str:
    return (
        f"<h2>Representatives</h2>{representative_table(run)}"
        "<p class=caption>Weight: share in μ. Baseline loss: of the template without any "
        "technique, on the judged rows. FLOPs: of one inference; bytes: of what serves.</p>"
    )
