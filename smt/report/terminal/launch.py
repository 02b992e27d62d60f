"""What became of a fleet under a template, on a terminal."""

from collections.abc import Callable

from rich.table import Table

from smt.report import numbers
from smt.results.launch import DECISIONS, LaunchResult


def instances_summary(result: LaunchResult) -> Table:
    """One row a stage."""
    table = Table(title=f"fleet {result.fleet} under {result.template}")
    for name in ("stage", "models", *DECISIONS, "mean Δ"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage, group in result.attributes["stage"].items():
        counts = (group.models, group.ships, group.held_back, group.failed)
        mean = group.mean_delta
        table.add_row(stage, *map(numbers.count, counts), "-" if mean is None else f"{mean:+.3f}%")
    return table


def instances_sentence(
    result: LaunchResult, percent: Callable[[float], str] = lambda value: f"{value:+.3f}%"
) -> str:
    """The fleet in one sentence, without its end.

    Args:
        percent: Writes a change.
    """
    outcomes = result.outcomes
    text = (
        f"{outcomes['ships']} of {numbers.plural(result.models, 'model')} ship, "
        f"{outcomes['held back']} held back, {outcomes['failed']} failed"
    )
    delta = result.shipped_delta
    if delta is not None:
        text += (
            f"; those that ship gain {percent(delta.mean)} on average over "
            f"{result.baseline}, {percent(delta.max)} at most"
        )
    return text
