"""What a page says of one technique: its search, fresh seeds, holdout and sensitivity."""

from collections.abc import Sequence
from html import escape

from smt.report import numbers
from smt.report.document import badge
from smt.report.figures.confirmation import confirmation_figure
from smt.report.figures.deltas import colour_limit, delta_figure, delta_width
from smt.report.figures.embed import embed
from smt.report.figures.forest import forest_figure
from smt.report.figures.sensitivity import sensitivity_figure
from smt.report.figures.trials import trials_figure
from smt.report.pages.technique_tables import sensitivity_table
from smt.report.terminal.generalization import fitting_remark
from smt.results.run_reading import Run
from smt.results.technique import HoldoutRecord, Kind, Replication, TechniqueRecord

_VERDICTS: dict[Kind | None, str] = {
    None: "Does not generalize",
    "gain": "Generalizes, by its gain",
    "saving": "Generalizes, by what it saves",
}


def technique_section(index: int, technique: TechniqueRecord, run: Run) -> str:
    """The technique's section, as HTML; parts that the run does not have are left out.

    Args:
        index: Its number in the page, from 1.
    """
    parts = [
        f"<h3 id=technique-{index}>{escape(technique.name)}</h3>",
        f"<p>{_VERDICTS[technique.kind]}: {escape(technique.reason)}."
        f"{_models_fitted(technique, run)}</p>",
        _search(index, technique, run),
        _fresh_seeds(index, technique, run),
        _models(index, technique, run),
        _sensitivity(index, technique, run),
    ]
    return f"<section>{''.join(parts)}</section>"


def _models_fitted(technique: TechniqueRecord, run: Run) -> str:
    remark = fitting_remark(technique, run.result)
    return "" if remark is None else f" It was {escape(remark)}."


def _search(index: int, technique: TechniqueRecord, run: Run) -> str:
    searched = run.searched(technique)
    limit = numbers.percent(colour_limit(searched)).lstrip("+")
    marked = "trial of θ*" if technique.feasible else "trial nearest to feasible (dotted)"
    failed = any(cell.delta.status == "failed" for cells in searched for cell in cells)
    crosses = " Red crosses are failed evaluations." if failed else ""
    return (
        f"<p class=caption>{_effort(technique, run)}</p>"
        "<h4>A over trials</h4>"
        f"{embed(trials_figure(technique, run.result.settings.tau), f'trials-{index}')}"
        "<p class=caption>Filled: A of feasible trials. Hollow: μ of infeasible ones, for which "
        "A is −∞; triangles lie below the axis. Bars: one standard error of μ. Line: "
        "best A so far. Hover for θ, μ and R.</p>"
        "<h4>Δ of every representative in every trial</h4>"
        f"<div style='max-width: {delta_width(technique.models)}px'>"
        f"{embed(delta_figure(technique, searched), f'delta-{index}')}</div>"
        f"<p class=caption>Blue: the model gained; red: it lost; colours saturate at ±{limit}. "
        f"The framed row is the {marked}.{crosses} Hover for Δ, its standard error "
        "and the normalized loss.</p>"
    )


def _effort(technique: TechniqueRecord, run: Run) -> str:
    """How the search went: what it spent, what it saved, and whether it ended early."""
    planned = run.result.settings.trials
    skipped = sum(trial.skipped for trial in technique.trials)
    all_of_them = len(technique.models) * planned
    unused = len(technique.models) * (planned - len(technique.trials))
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
    if technique.paper is not None and technique.paper != technique.shown.number:
        parts.append(f"the largest A is that of trial {technique.paper}; {_choice(technique)}")
    return "; ".join(parts) + "."


def _choice(technique: TechniqueRecord) -> str:
    """Why θ* is another than the largest A of the search."""
    if technique.confirmation:
        return "θ* is the largest A on fresh seeds"
    return (
        "θ* is the largest μ by the surrogate among those that are feasible with probability "
        "0.95, or the surest"
    )


def _fresh_seeds(index: int, technique: TechniqueRecord, run: Run) -> str:
    candidates = technique.confirmation
    if not candidates:
        return ""
    most = run.result.settings.fresh_seeds
    networks = sum(candidate.evaluations for candidate in candidates)
    planned = sum(most * len(candidate.deltas) for candidate in candidates)
    figure = confirmation_figure(technique, run.result.settings.tau)
    return (
        "<h4>Again on fresh seeds</h4>"
        f"{embed(figure, f'confirmation-{index}')}"
        f"<p class=caption>The search's {numbers.plural(len(candidates), 'most promising trial')}, "
        f"measured again on {_used_seeds(candidates)} of {most} fresh seeds until the verdict was "
        f"known: {numbers.count(networks)} evaluations of {numbers.count(planned)}; θ* in bold. "
        "The largest of many noisy numbers is too large, so filled marks tend to lie left of the "
        "hollow ones. Red: not feasible on fresh seeds. Bars: 95% interval of μ. Short blue bar: "
        "the one-sided lower bound of μ that the verdict uses, 95% for all candidates together, "
        "after any seed.</p>"
    )


def _used_seeds(candidates: Sequence[Replication]) -> str:
    """How many seeds the candidates took, as in `2` or `2 to 4`."""
    counts = sorted(len(candidate.seeds) for candidate in candidates)
    return str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"


def _models(index: int, technique: TechniqueRecord, run: Run) -> str:
    """θ* on every model: the representatives on fresh seeds, and the holdout."""
    chosen, holdout = technique.shown_candidate, technique.holdout
    if chosen is None and holdout is None:
        return ""
    groups = ["the representatives"] if chosen else []
    if holdout:
        groups.append(f"{'below them ' if chosen else ''}the holdout, which the search never saw")
    figure = forest_figure(chosen, holdout, run.result.settings.alpha)
    return (
        f"<h4>Δ of every model at trial {technique.shown.number}</h4>"
        f"{embed(figure, f'forest-{index}')}"
        f"<p class=caption>From the largest Δ to the smallest: {numbers.listing(groups)}. "
        "Bars: 95% interval, of rows and seeds; small dots: single seeds. Shaded: ±α; a model left "
        "of the dashed line has "
        f"regressed.</p>{_holdout(holdout)}"
    )


def _holdout(holdout: HoldoutRecord | None) -> str:
    if holdout is None:
        return ""
    verdict = "passes" if holdout.passes else "taken out"
    return (
        f"<p class=holdout><b>Holdout</b> {badge(holdout.passes, verdict)} "
        f"{escape(holdout.reason)}. On {numbers.plural(len(holdout.deltas), 'model')}: 95% "
        f"interval of μ {numbers.interval(holdout.interval)}; R = "
        f"{numbers.rate(holdout.regression_rate)}, P(R ≤ ε) = "
        f"{holdout.feasible_probability:.2f}; {holdout.helped} helped, {holdout.neutral} "
        f"neutral, {holdout.regressed} regressed.</p>"
    )


def _sensitivity(index: int, technique: TechniqueRecord, run: Run) -> str:
    if not technique.sensitivity:
        return ""
    names = technique.models
    figure = sensitivity_figure(technique.sensitivity, run.result.settings.tau, names)
    drawn = ""
    if figure is not None:
        drawn = (
            f"{embed(figure, f'sensitivity-{index}')}"
            "<p class=caption>β: change of μ from one end of the domain to the other, by a linear "
            "fit; of a choice, the largest difference between two values. "
            "Small dots: the models' own. Shaded: ±τ.</p>"
        )
    table = sensitivity_table(f"sensitivity-table-{index}", technique.sensitivity)
    return (
        f"<h4>Sensitivity</h4>{drawn}{table}"
        "<p class=caption>A hyperparameter is worth exposing to each model where |β| is surely "
        "above τ or the models' own β surely differ by σ above α; it is standardized at its "
        "default where neither is large. Undecided: more trials would tell. Of a technique that "
        "does not generalize, all θ count that every model was trained with, and nothing is "
        "exposed where even each model's own best θ would gain less than τ.</p>"
    )
