"""A back-test on a terminal."""

from typing import Any

from rich.table import Table
from rich.text import Text

MISFITS = 20


def backtest_table(result: dict[str, Any]) -> Table:
    """One row a model, the worst first, then one row a group of models.

    Args:
        result: The content of `result.json`.
    """
    settings = result["settings"]
    table = Table(
        title=f"{result['template']}: version {result['number']} against version "
        f"{result['parent']} on fleet '{result['fleet']}', seeds "
        f"{', '.join(map(str, result['seeds']))}",
        caption=f"kept: A >= {settings['tau']:g}%; at most {settings['epsilon']:.0%} of the models "
        f"may fall by over {settings['alpha']:g}%",
    )
    _add_columns(table, "models")
    models = sorted(result["models"], key=_delta)
    for place, each in enumerate(models, 1):
        name = each["model"] + ("" if each["representative"] else " (holdout)")
        effect = "failed" if each["delta"] is None else _effect(each["delta"], each["sem"])
        table.add_row(Text(name), effect, "", "", end_section=place == len(models))
    for name, group in result["groups"].items():
        if group is not None:
            table.add_row(f"{name}: {group['models']}", *_numbers(group))
    return table


def misfit_table(result: dict[str, Any]) -> Table:
    """One row a limit of serving that the version breaks, the first `MISFITS` of them."""
    found = result["misfits"]
    table = Table(
        title=f"what version {result['number']} cannot serve, and its parent can",
        caption=f"and {len(found) - MISFITS} more" if len(found) > MISFITS else None,
    )
    for name in ("model", "why"):
        table.add_column(name, overflow="fold")
    for each in found[:MISFITS]:
        table.add_row(Text(each["model"]), Text(each["reason"]))
    return table


def blame_table(result: dict[str, Any]) -> Table:
    """One row a technique: what the version was worth without it."""
    table = Table(title=f"version {result['number']} without each of its techniques in turn")
    _add_columns(table, "without")
    for name in ("models it cannot serve", "to blame"):
        table.add_column(name, justify="right")
    for each in result["blame"]:
        blamed = "yes" if each["blamed"] else "no"
        if each["failure"] is not None:
            cells = ["not possible", "", "", ""]
        elif each["regression_rate"] is None:
            models = {misfit["model"] for misfit in each["misfits"]}
            cells = ["not trained", "", "", str(len(models))]
        else:
            cells = [*_numbers(each), "0"]
        table.add_row(Text(each["technique"]), *cells, blamed)
    return table


def _add_columns(table: Table, first: str) -> None:
    table.add_column(first, overflow="fold")
    for name in ("Δ or μ ± se" if first == "models" else "μ ± se", "R", "A"):
        table.add_column(name, justify="right")


def _numbers(group: dict[str, Any]) -> tuple[str, str, str]:
    """μ, R and A."""
    value = "-inf" if group["value"] is None else f"{group['value']:+.3f}%"
    effect = _effect(group["mean"], group["mean_sem"])
    return effect, f"{group['regression_rate']:.2f}", value


def _delta(model: dict[str, Any]) -> float:
    return float("-inf") if model["delta"] is None else float(model["delta"])


def _effect(value: float | None, sem: float | None) -> str:
    return "nan" if value is None else f"{value:+.3f}% ± {'?' if sem is None else f'{sem:.3f}%'}"
