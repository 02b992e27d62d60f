"""An exported model on a terminal."""

from rich.table import Table

from smt.serving.export_model import ExportedModel


def export_table(exported: ExportedModel) -> Table:
    """Its normalized loss as trained and as served, and what serving costs."""
    cost, differences = exported.cost, exported.export.differences
    rows = {
        "loss as trained": f"{exported.ne.trained:.5f}",
        "loss as served": f"{exported.ne.served:.5f}",
        "Δ of serving": f"{exported.delta.value:+.4f}% ± {exported.delta.sem:.4f}%",
        "largest difference as served": f"{differences.from_served:.1e}",
        "largest difference as trained": f"{differences.from_trained:.1e}",
        "FLOPs an example": f"{cost.flops:,}",
        "table bytes": f"{cost.table_bytes:,} ({exported.export.precision})",
        "dense bytes": f"{cost.dense_bytes:,}",
        f"latency of {cost.batch_size} examples": f"{cost.latency_ms:.2f} ms (p99), "
        f"{cost.latency_ms_median:.2f} ms (median), on {cost.measured_on}",
    }
    if cost.flops_item_cached is not None:
        rows["FLOPs with item vectors at hand"] = f"{cost.flops_item_cached:,}"
    title = f"{exported.model}: {', '.join(exported.export.programs)}"
    table = Table("serving", "value", title=title)
    for name, value in rows.items():
        table.add_row(name, value)
    return table
