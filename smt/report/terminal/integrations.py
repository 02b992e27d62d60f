"""What a run made of several templates, on a terminal."""

from rich.table import Table
from rich.text import Text

from smt.report import numbers
from smt.results.integrations import IntegrationsResult, TemplateIntegration


def integrations_table(result: IntegrationsResult) -> Table:
    """One row a template."""
    growth = result.growth
    table = Table(
        title=f"fleet {result.fleet}: what {result.run} makes of its templates",
        caption=None if growth is None else f"serving the whole fleet: {growth}",
    )
    for name in ("template", "techniques", "models", "μ", "R", "FLOPs", "bytes", "decision"):
        left = name in ("template", "techniques", "decision")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for template in result.templates:
        table.add_row(*map(Text, _cells(template)))
    return table


def _cells(template: TemplateIntegration) -> tuple[str, ...]:
    rate = template.regression_rate
    return (
        version_named(template),
        ", ".join(template.techniques) or "-",
        f"{template.models:,}",
        "-" if template.mean is None else f"{template.mean:+.3f}%",
        "-" if rate is None else f"{rate:.2f}",
        *numbers.cost_changes(template.savings),
        template.decision,
    )


def version_named(template: TemplateIntegration) -> str:
    """The version that was made, or the template alone."""
    return template.template + ("" if template.number is None else f"@{template.number}")
