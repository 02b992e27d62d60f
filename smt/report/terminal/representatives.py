"""Which models stand for a fleet, on a terminal."""

from rich.table import Table

from smt.report import numbers
from smt.results.representatives import RepresentativeModel, RepresentativesResult


def representatives_summary(result: RepresentativesResult) -> Table:
    """One row a representative."""
    table = Table(
        title=f"{representative_count(result)} stand for {numbers.plural(result.models, 'model')}",
        caption=f"elbow at k = {result.elbow}, best silhouette at k = {result.silhouette}",
    )
    for name in ("model", "members", "traffic", "again", "Jaccard"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for model in result.representatives:
        table.add_row(model.model, *representative_figures(model))
    return table


def representative_count(result: RepresentativesResult) -> str:
    """`4 representatives`."""
    return numbers.plural(len(result.representatives), "representative")


def representative_figures(model: RepresentativeModel) -> tuple[str, str, str, str]:
    """A representative's members, traffic, recurrence and Jaccard similarity."""
    return (
        numbers.count(model.members),
        f"{100 * model.traffic:.1f}%",
        f"{100 * model.again:.0f}%",
        f"{model.jaccard:.2f}",
    )
