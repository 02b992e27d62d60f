"""What a terminal shows of versions that are tried."""

from rich.console import Console

from smt.report import numbers
from smt.report.terminal.backtest import backtest_table, blame_table, misfit_table
from smt.report.terminal.generalization import FEW
from smt.results.integration import IntegrationResult
from smt.template import diff
from smt.template.show import change_lines
from smt.template_iteration.integrate import Integration


def show_change(change: Integration, console: Console) -> None:
    """What a version is made of, and what models may set in it."""
    version = change.version
    console.print(f"{version.name}: version {version.number}, from version {version.parent}")
    for name, kind in change.kinds.items():
        console.print(f"{name}: generalized by its {kind}", highlight=False, markup=False)
    console.print(change_lines(diff(change.parent.template, version.template)))
    for exposure in change.exposures:
        console.print(str(exposure), soft_wrap=True, highlight=False, markup=False)


def show_decision(result: IntegrationResult, report: str, console: Console) -> None:
    """What a back-test came to."""
    if result.misfits:
        console.print(misfit_table(result))
    if result.models:
        console.print(backtest_table(result))
    if result.blame:
        console.print(blame_table(result))
    console.print(
        f"report: {report}\n{result.decision}: {result.reason}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    if 0 < len(result.models) < FEW:
        console.print(
            f"of {numbers.plural(len(result.models), 'model')}; fewer than {FEW} tell little",
            highlight=False,
        )
    if not result.kept:
        if result.blame_reason is not None:
            console.print(f"blame: {result.blame_reason}", soft_wrap=True, highlight=False)
        console.print(f"version {result.number} is not written", highlight=False)
