"""The technique table on a terminal."""

from typing import Any

from rich.table import Table


def technique_table(result: dict[str, Any]) -> Table:
    """One row a technique: A*, μ, R, models helped / neutral / regressed, θ*.

    Args:
        result: The content of `result.json`.
    """
    settings = result["settings"]
    table = Table(
        title=f"{len(result['representatives'])} representative models of fleet "
        f"'{result['fleet']}', {settings['trials']} trials a technique",
        caption=f"generalizes: A* >= {settings['tau']:g}%; at most {settings['epsilon']:.0%} of "
        f"the models may fall by over {settings['alpha']:g}%. Without a feasible θ, the nearest.",
    )
    for name in (
        "technique",
        "generalizes",
        "A*",
        "μ ± se",
        "R",
        "helped\nneutral\nregressed",
        "trials\nevaluations",
        "θ*",
    ):
        table.add_column(name, justify="left" if name in ("technique", "θ*") else "right")
    for technique in result["techniques"]:
        shown = technique["shown"]
        table.add_row(
            technique["name"],
            "yes" if technique["generalizes"] else "no",
            _percent(shown["value"], "-inf"),
            f"{_percent(shown['mean'], 'nan')} ± {_percent(shown['mean_sem'], '?', sign='')}",
            f"{shown['regression_rate']:.2f}",
            f"{shown['helped']}\n{shown['neutral']}\n{shown['regressed']}",
            f"{len(technique['trials'])}\n{_evaluations(technique, result)}",
            "\n".join(f"{name} = {_short(value)}" for name, value in shown["theta"].items()),
            end_section=True,
        )
    return table


def _evaluations(technique: dict[str, Any], result: dict[str, Any]) -> int:
    models = len(result["representatives"])
    return sum(models - trial["skipped"] for trial in technique["trials"])


def _percent(value: float | None, missing: str, sign: str = "+") -> str:
    return missing if value is None else f"{value:{sign}.3f}%"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
