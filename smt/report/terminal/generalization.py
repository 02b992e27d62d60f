"""What a generalization found, on a terminal."""

from collections.abc import Iterator
from math import fsum

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from smt.fleet.budget import Growth
from smt.report import numbers
from smt.results.generalization import GeneralizationResult
from smt.results.technique import Interval, ShownTrial, TechniqueRecord

LEFT = ("technique", "θ*")
# Models of which μ and R say little.
FEW = 10


def technique_table(result: GeneralizationResult) -> Table:
    """One row a technique, by the numbers that the verdict on it rests on.

    120 columns hold it; the names of techniques are never cut.
    """
    settings = result.settings
    table = Table(
        title=f"{len(result.representatives)} representative models of fleet "
        f"'{result.fleet}', {settings.trials} trials a technique",
        caption=f"generalizes: {_rule(result)}; at most {settings.epsilon:.0%} of the models "
        f"may fall by over {settings.alpha:g}%. Without a feasible θ, the nearest.",
        box=SIMPLE_HEAD,
        show_lines=True,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    rows = [_row(technique, result) for technique in result.techniques]
    for name in rows[0] if rows else ():
        table.add_column(
            name,
            justify="left" if name in LEFT else "right",
            no_wrap=name != "θ*",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row.values()))
    return table


def reasons(result: GeneralizationResult) -> Iterator[str]:
    """Why every technique generalizes or not, a line each."""
    for technique in result.techniques:
        yield f"{technique.name}: {technique.reason}"


def holdout_failures(result: GeneralizationResult) -> str | None:
    """Which techniques the holdout took out, in one line; None where it took out none."""
    failed = [
        technique.name
        for technique in result.techniques
        if technique.holdout is not None and not technique.holdout.passes
    ]
    if not failed:
        return None
    models = len(result.holdout_models)
    return f"taken out by the holdout of {models} models: {', '.join(failed)}"


def short_window_warning(result: GeneralizationResult) -> str | None:
    """How many models have too few judged rows to tell a change of α, in one line, or None."""
    short = result.short_windows
    if not short:
        return None
    worst = min(short, key=lambda model: short[model].rows / short[model].needed)
    rows, needed = short[worst].rows, short[worst].needed
    return (
        f"warning: {len(short)} of {len(result.representatives)} models have too few judged rows "
        f"to tell a change of {result.settings.alpha:g}%; {worst} has {rows:,} and needs "
        f"{needed:,}"
    )


def heavy_model_warning(result: GeneralizationResult) -> str | None:
    """Which few models decide μ, in one line; None where no few do.

    So many models tell as much of μ as 1 / Σ w² of equal weight (Kish 1965).
    """
    by_weight = sorted(result.representatives, key=lambda model: -model.weight)
    told = 1 / fsum(model.weight**2 for model in by_weight)
    if told >= len(by_weight) / 2:
        return None
    heavy = ", ".join(f"{model.model} {model.weight:.0%}" for model in by_weight[:2])
    return (
        f"warning: by traffic {len(by_weight)} models tell as much of μ as {told:.1f} alike; the "
        f"heaviest are {heavy}; --weights equal counts all alike"
    )


def fitting_remark(technique: TechniqueRecord, result: GeneralizationResult) -> str | None:
    """On how many models it was searched, where it leaves some as they are; or None."""
    of_all = len(result.representatives)
    if len(technique.models) == of_all:
        return None
    few = f"; fewer than {FEW} tell little" if len(technique.models) < FEW else ""
    return (
        f"searched on {len(technique.models)} of {of_all} representatives, those that it may "
        f"change{few}"
    )


def untried(result: GeneralizationResult) -> Iterator[str]:
    """The techniques of which no θ was tried, a line each."""
    for name, why in result.untried.items():
        yield f"{name}: {why}"


def remarks(result: GeneralizationResult) -> list[str]:
    """The lines under the table: reasons, and what the holdout and the test windows say."""
    fitted = ((known.name, fitting_remark(known, result)) for known in result.techniques)
    others = (
        holdout_failures(result),
        heavy_model_warning(result),
        short_window_warning(result),
    )
    return [
        *reasons(result),
        *untried(result),
        *(f"{name}: {remark}" for name, remark in fitted if remark is not None),
        *(line for line in others if line is not None),
    ]


def _rule(result: GeneralizationResult) -> str:
    settings = result.settings
    order = ", each on top of those accepted before it" if settings.sequential else ""
    if settings.paper_exact:
        return f"A* >= {settings.tau:g}% in the search{order}"
    return (
        f"A* >= {settings.tau:g}% and μ surely above 0 on fresh seeds (gain), or "
        f"{settings.saving:.0%} of FLOPs or bytes less and surely no harm (saving){order}"
    )


def _row(technique: TechniqueRecord, result: GeneralizationResult) -> dict[str, str]:
    """Column -> text."""
    shown, chance = technique.shown, technique.shown.feasible_probability
    theta = (f"{name} = {numbers.ascii_short(value)}" for name, value in shown.theta.items())
    return {
        "technique": technique.name,
        "generalizes": "\n".join(_verdict(technique)),
        "A*": _percent(shown.value, "-inf"),
        "μ\n95% interval": f"{_percent(shown.mean, 'nan')}\n{_interval(shown.interval)}",
        "R\nP(R <= ε)": f"{_rate(shown)}\n{'?' if chance is None else f'{chance:.2f}'}",
        "helped\nneutral\nregressed": f"{shown.helped}\n{shown.neutral}\n{shown.regressed}",
        "fleet's\nFLOPs\nbytes": _growth(shown.growth),
        "trials\nevaluations": f"{len(technique.trials)}\n{_evaluations(technique)}",
        "θ*": "\n".join(theta),
    }


def _verdict(technique: TechniqueRecord) -> Iterator[str]:
    """Yes or no; of a technique that generalizes why, and what a saver saves."""
    if technique.kind is None:
        yield "no"
        return
    yield from ("yes", technique.kind)
    saved = technique.shown.savings
    if technique.kind == "saving" and saved is not None:
        yield f"{saved}"


def _evaluations(technique: TechniqueRecord) -> str:
    """Of the search, and beneath those on fresh seeds."""
    searched = sum(len(technique.models) - trial.skipped for trial in technique.trials)
    fresh = sum(candidate.evaluations for candidate in technique.confirmation)
    fresh += 0 if technique.holdout is None else technique.holdout.evaluations
    return f"{searched:,}\n+{fresh:,} fresh" if fresh else f"{searched:,}"


def _growth(growth: Growth | None) -> str:
    """By how much serving becomes dearer."""
    return "?" if growth is None else f"{growth.flops:+.1f}%\n{growth.bytes:+.1f}%"


def _percent(value: float | None, missing: str) -> str:
    return missing if value is None else f"{value:+.3f}%"


def _rate(shown: ShownTrial) -> str:
    """R; of models that were not evaluated others may have regressed."""
    return f"{'>= ' if shown.skipped else ''}{shown.regression_rate:.2f}"


def _interval(ends: Interval | None) -> str:
    return "?" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"
