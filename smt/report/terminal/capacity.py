"""Which templates a fleet's models get within a budget, on a terminal."""

from rich.table import Table

from smt.report import numbers
from smt.results.capacity import CapacityResult


def capacity_table(result: CapacityResult) -> Table:
    """One row a template."""
    table = Table(title=f"fleet {result.fleet} at {result.budget:g} times what it costs today")
    for name in ("template", "models", "traffic", "mean Δ"):
        table.add_column(name, justify="left" if name == "template" else "right")
    for name, template in result.templates.items():
        models, traffic = numbers.count(template.models), f"{template.traffic:.1%}"
        table.add_row(name, models, traffic, f"{template.gain:+.3f}%")
    return table


def capacity_sentences(result: CapacityResult) -> list[str]:
    """What the choice is worth, what a budget more would be, and what is left out."""
    said = [
        f"mean Δ by traffic {result.gain:+.3f}% ± {result.gain_sem:.3f}% at {result.cost:.4f} "
        f"times today's FLOPs ({result.flops:,.0f} for {result.flops_today:,.0f} an example)",
        f"1% more FLOPs would bring {result.shadow_price:+.4f}%",
    ]
    if result.left_out:
        said.append(
            f"{numbers.plural(len(result.left_out), 'model')} left as it is, as its cost today "
            f"is not known: '{result.left_out[0]}' the first"
        )
    return said
