"""What the templates' networks cost, on a terminal."""

from rich.table import Table

from smt.report import numbers
from smt.results.flops import FlopsResult


def flops_summary(result: FlopsResult) -> Table:
    """One row a template."""
    flops = result.flops
    table = Table(
        title="inference FLOPs of one example",
        caption=f"{flops.decades:.2f} decades, widest gap a factor of {flops.widest_gap:.2f}",
    )
    for name in ("template", "networks", "over limit", "least", "median", "most"):
        table.add_column(name, justify="left" if name == "template" else "right")
    for template in result.templates:
        spread = template.flops
        amounts = (template.networks, template.over_limit, spread.min, spread.median, spread.max)
        table.add_row(template.template, *(numbers.count(round(amount)) for amount in amounts))
    return table
