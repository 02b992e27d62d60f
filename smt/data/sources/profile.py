"""What is in each column of a log, for a person to check."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from smt.data.reading import IdCoding, Reading
from smt.data.schema import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    Embedding,
    Event,
    Numeric,
    Schema,
    StoredColumn,
)


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a log.

    Attributes:
        missing: Rows without a value: NaN, an empty list, or an id 0 that stands for none.
        distinct: Different values (or list elements) present; None for embeddings.
        base_rate: Share of ones; None unless the column is an event.
        coding: How its ids were made of raw values; None where there is nothing to tell.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int | None
    base_rate: float | None
    coding: str | None = None


def profile_columns(rows: pa.Table, schema: Schema, reading: Reading) -> list[ColumnProfile]:
    """Profile every stored column of the schema."""
    return [
        _profile(name, column, rows[name], _coding(name, column, schema, reading))
        for name, column in schema.stored.items()
    ]


def describe_coding(coding: IdCoding) -> str:
    """How ids were made, in a few words: `hash: 12,345 names, 12,001 ids, 680 share one`."""
    if coding.coding == "number":
        return "numbers"
    if coding.coding != "hash":
        return f"{coding.coding}: {coding.names:,} names"
    shared = f", {coding.sharing:,} share one" if coding.sharing else ""
    return f"hash: {coding.names:,} names, {coding.ids:,} ids{shared}"


def _coding(name: str, column: StoredColumn, schema: Schema, reading: Reading) -> IdCoding | None:
    if not isinstance(column, (*SINGLE_ID_KINDS, *ID_LIST_KINDS)):
        return None
    return reading.ids.get(schema.ids_of(name))


def profile_table(columns: Sequence[ColumnProfile]) -> Table:
    """The profile as a table for the terminal."""
    table = Table()
    for heading in ("column", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("rows", "missing", "distinct", "base rate"):
        table.add_column(heading, justify="right")
    table.add_column("ids", overflow="fold")
    for column in columns:
        table.add_row(
            column.name,
            column.kind,
            f"{column.rows:,}",
            f"{column.missing:,}",
            "" if column.distinct is None else f"{column.distinct:,}",
            "" if column.base_rate is None else f"{column.base_rate:.3%}",
            column.coding or "",
        )
    return table


def _profile(
    name: str, column: StoredColumn, values: pa.ChunkedArray, coding: IdCoding | None
) -> ColumnProfile:
    elements, missing = values, 0
    if isinstance(column, ID_LIST_KINDS):
        elements = pc.list_flatten(values)
        missing = _count(pc.equal(pc.list_value_length(values), 0))
    elif isinstance(column, Numeric):
        missing = _count(pc.is_nan(values))
        elements = values.filter(pc.invert(pc.is_nan(values)))
    elif coding is not None and coding.missing_rows.get(name):
        missing = coding.missing_rows[name]
        elements = values.filter(pc.not_equal(values, 0))
    return ColumnProfile(
        name=name,
        kind=column.kind,
        rows=len(values),
        missing=missing,
        distinct=None if isinstance(column, Embedding) else pc.count_distinct(elements).as_py(),
        base_rate=pc.mean(values).as_py() if isinstance(column, Event) else None,
        coding=None if coding is None else describe_coding(coding),
    )


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
