"""A back-test on a terminal."""

from rich.table import Table
from rich.text import Text

from smt.report import numbers
from smt.results.integration import BackTestedModel, IntegrationResult, ModelGroup, WithoutTechnique

MISFITS = 20


def backtest_table(result: IntegrationResult) -> Table:
    """One row a model, the worst first, then one row a group of models."""
    settings = result.settings
    table = Table(
        title=f"{result.template}: version {result.number} against version "
        f"{result.parent} on fleet '{result.fleet}', seeds {', '.join(map(str, result.seeds))}",
        caption=f"kept: A >= {settings.tau:g}%{_of_savers(result)}; at most "
        f"{settings.epsilon:.0%} of the models may fall by over {settings.alpha:g}%"
        + ("" if result.growth is None else f"; serving the fleet: {result.growth}"),
    )
    _add_columns(table, "models")
    models = sorted(result.models, key=_rank)
    for place, model in enumerate(models, 1):
        name = model.model + ("" if model.representative else " (holdout)")
        delta = model.delta
        effect = "failed" if delta.value is None else _effect(delta.value, delta.sem)
        table.add_row(Text(name), effect, "", "", end_section=place == len(models))
    for name, group in result.groups.items():
        if group is not None:
            table.add_row(f"{name}: {group.models}", *_numbers(group, group.regression_rate))
    return table


def _of_savers(result: IntegrationResult) -> str:
    """What else keeps a version of savers alone."""
    if set(result.kinds.values()) != {"saving"}:
        return ""
    return f", or {result.settings.saving:.0%} of FLOPs or bytes less and surely no harm"


def misfit_table(result: IntegrationResult) -> Table:
    """One row a limit of serving that the version breaks, the first `MISFITS` of them."""
    more = len(result.misfits) - MISFITS
    table = Table(
        title=f"what version {result.number} cannot serve, and its parent can",
        caption=f"and {more} more" if more > 0 else None,
    )
    for name in ("model", "why"):
        table.add_column(name, overflow="fold")
    for misfit in result.misfits[:MISFITS]:
        table.add_row(Text(misfit.named), Text(misfit.reason))
    return table


def blame_table(result: IntegrationResult) -> Table:
    """One row a technique: what the version was worth without it."""
    table = Table(title=f"version {result.number} without each of its techniques in turn")
    _add_columns(table, "without")
    for name in ("models it cannot serve", "to blame"):
        table.add_column(name, justify="right")
    for without in result.blame:
        if without.failure is not None:
            cells = ["not possible", "", "", ""]
        elif without.regression_rate is None:
            cells = ["not trained", "", "", without.unserved]
        else:
            cells = [*_numbers(without, without.regression_rate), "0"]
        table.add_row(Text(without.technique), *cells, "yes" if without.blamed else "no")
    return table


def _add_columns(table: Table, first: str) -> None:
    table.add_column(first, overflow="fold")
    for name in ("Δ or μ ± se" if first == "models" else "μ ± se", "R", "A"):
        table.add_column(name, justify="right")


def _numbers(group: ModelGroup | WithoutTechnique, regression_rate: float) -> tuple[str, str, str]:
    """μ, R and A."""
    value = "-inf" if group.value is None else f"{group.value:+.3f}%"
    return _effect(group.mean, group.mean_sem), f"{regression_rate:.2f}", value


def _rank(model: BackTestedModel) -> float:
    return float("-inf") if model.delta.value is None else model.delta.value


def _effect(value: float | None, sem: float | None) -> str:
    return "nan" if value is None else f"{value:+.3f}% ± {numbers.spread(sem)}"
