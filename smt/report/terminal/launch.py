"""What became of a fleet under its templates, on a terminal."""

from collections.abc import Callable

from rich.table import Table

from smt.report import numbers
from smt.results.launch import (
    DECISIONS,
    AttributeGroup,
    DeltaSummary,
    LaunchResult,
    MeanDelta,
)


def instances_summary(result: LaunchResult) -> Table:
    """One row a stage; a row a template before them, where there are several."""
    table = Table(title=f"fleet {result.fleet} under {templates_named(result)}")
    first = "template, stage" if len(result.templates) > 1 else "stage"
    for name in (first, "models", *DECISIONS, "mean Δ"):
        table.add_column(name, justify="left" if name == first else "right")
    if len(result.templates) > 1:
        for template, group in result.attributes["template"].items():
            table.add_row(template, *_counts(group))
        table.add_section()
    for stage, group in result.attributes["stage"].items():
        table.add_row(stage, *_counts(group))
    return table


def _counts(group: AttributeGroup) -> tuple[str, ...]:
    counts = (group.models, group.ships, group.held_back, group.failed)
    mean = group.mean_delta
    return (*map(numbers.count, counts), "-" if mean is None else f"{mean:+.3f}%")


def templates_named(result: LaunchResult) -> str:
    """The one that all models are made from, or how many they are."""
    names = [*result.templates]
    return names[0] if len(names) == 1 else f"{len(names)} templates"


def baselines_named(result: LaunchResult) -> str:
    """What models are compared with, in one name where it has one."""
    names = result.baselines
    if not names:
        return "nothing"
    return names[0] if len(names) == 1 else "their baselines"


def instances_sentence(
    result: LaunchResult, percent: Callable[[float], str] = lambda value: f"{value:+.3f}%"
) -> str:
    """The fleet in one sentence, without its end.

    What it says of the launch is of all models that were compared: those that ship were chosen.

    Args:
        percent: Writes a change.
    """
    outcomes = result.outcomes
    text = (
        f"{outcomes['ships']} of {numbers.plural(result.models, 'model')} ship, "
        f"{outcomes['held back']} held back, {outcomes['failed']} failed"
    )
    if result.delta is None:
        return text
    return f"{text}; over {baselines_named(result)} the launch {_effect(result.delta, percent)}"


def _effect(delta: DeltaSummary, percent: Callable[[float], str]) -> str:
    """`helps: mean Δ +0.1% [+0.05%, +0.15%] over all 12 models that were compared, …`."""
    effect = delta.each.effect
    text = (
        f"{'is of unknown effect' if effect is None else effect}: mean Δ "
        f"{_mean(delta.each, percent)} over {_all(delta.models)} compared"
    )
    return (
        text
        if delta.by_traffic is None
        else f"{text}, {_mean(delta.by_traffic, percent)} by traffic"
    )


def _mean(mean: MeanDelta, percent: Callable[[float], str]) -> str:
    if mean.interval is None:
        return percent(mean.mean)
    low, high = map(percent, mean.interval)
    return f"{percent(mean.mean)} [{low}, {high}]"


def _all(models: int) -> str:
    return "the one model" if models == 1 else f"all {numbers.count(models)} models"
