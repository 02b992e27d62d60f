"""A back-test on a terminal."""

from typing import Any

from rich.table import Table
from rich.text import Text


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
    table.add_column("models", overflow="fold")
    for name in ("Δ or μ ± se", "R", "A"):
        table.add_column(name, justify="right")
    models = sorted(result["models"], key=_delta)
    for place, each in enumerate(models, 1):
        name = each["model"] + ("" if each["representative"] else " (holdout)")
        effect = "failed" if each["delta"] is None else _effect(each["delta"], each["sem"])
        table.add_row(Text(name), effect, "", "", end_section=place == len(models))
    for name, group in result["groups"].items():
        if group is not None:
            value = "-inf" if group["value"] is None else f"{group['value']:+.3f}%"
            table.add_row(
                f"{name}: {group['models']}",
                _effect(group["mean"], group["mean_sem"]),
                f"{group['regression_rate']:.2f}",
                value,
            )
    return table


def _delta(model: dict[str, Any]) -> float:
    return float("-inf") if model["delta"] is None else float(model["delta"])


def _effect(value: float | None, sem: float | None) -> str:
    return "nan" if value is None else f"{value:+.3f}% ± {'?' if sem is None else f'{sem:.3f}%'}"
