"""What is in each column of a log, for a person to check."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from smt.data.schema import ID_LIST_KINDS, Embedding, Event, Numeric, Schema, StoredColumn


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a log.

    Attributes:
        missing: Rows without a value: NaN, an empty list, or a reserved id 0.
        distinct: Different values (or list elements) present; None for embeddings.
        base_rate: Share of ones; None unless the column is an event.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int | None
    base_rate: float | None


def profile_columns(
    rows: pa.Table, schema: Schema, reserved: Collection[str]
) -> list[ColumnProfile]:
    """Profile every stored column of the schema; `reserved` columns use id 0 for missing."""
    return [
        _profile(name, column, rows[name], name in reserved)
        for name, column in schema.stored.items()
    ]


def profile_table(columns: Sequence[ColumnProfile]) -> Table:
    """The profile as a table for the terminal."""
    table = Table()
    for heading in ("column", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("rows", "missing", "distinct", "base rate"):
        table.add_column(heading, justify="right")
    for column in columns:
        table.add_row(
            column.name,
            column.kind,
            f"{column.rows:,}",
            f"{column.missing:,}",
            "" if column.distinct is None else f"{column.distinct:,}",
            "" if column.base_rate is None else f"{column.base_rate:.3%}",
        )
    return table


def _profile(
    name: str, column: StoredColumn, values: pa.ChunkedArray, reserved: bool
) -> ColumnProfile:
    elements, missing = values, 0
    if isinstance(column, ID_LIST_KINDS):
        elements = pc.list_flatten(values)
        missing = _count(pc.equal(pc.list_value_length(values), 0))
    elif isinstance(column, Numeric):
        missing = _count(pc.is_nan(values))
        elements = values.filter(pc.invert(pc.is_nan(values)))
    elif reserved:
        missing = _count(pc.equal(values, 0))
        elements = values.filter(pc.not_equal(values, 0))
    return ColumnProfile(
        name=name,
        kind=column.kind,
        rows=len(values),
        missing=missing,
        distinct=None if isinstance(column, Embedding) else pc.count_distinct(elements).as_py(),
        base_rate=pc.mean(values).as_py() if isinstance(column, Event) else None,
    )


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
