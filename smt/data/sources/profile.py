"""What is in each column of a log, for a person to check."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from smt.data.columns import (
    ID_LIST_KINDS,
    Embedding,
    Event,
    Numeric,
    StoredColumn,
    Timestamp,
    Value,
)
from smt.data.reading import IdCoding, Reading
from smt.data.schema import Schema
from smt.data.sources.time_numbers import FIRST_YEAR, LAST_YEAR
from smt.data.sources.time_texts import clock_text


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a log.

    Attributes:
        missing: Rows without a value: NaN, an empty list, or an id 0 that stands for none.
        distinct: Different values (or list elements) present; None for embeddings.
        base_rate: Share of ones, of a value of what is above 0; None unless the column is an event.
        mean: Of a value; None unless the column is one.
        coding: How its ids were made of raw values; None where there is nothing to tell.
        first, last: The earliest and latest time, in UTC; None unless it is the timestamp.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int | None
    base_rate: float | None
    mean: float | None = None
    coding: str | None = None
    first: str | None = None
    last: str | None = None

    @property
    def span(self) -> str:
        """From when to when, and whether that is absurd; empty unless it is the timestamp."""
        if self.first is None or self.last is None:
            return ""
        said = f"{self.name}: {self.first} to {self.last} UTC"
        years = (int(np.datetime64(time, "Y").astype(int)) for time in (self.first, self.last))
        if all(FIRST_YEAR <= 1970 + year < LAST_YEAR for year in years):
            return said
        return f"{said}, which is not within {FIRST_YEAR} to {LAST_YEAR}: is its unit right?"


def profile_columns(rows: pa.Table, schema: Schema, reading: Reading) -> list[ColumnProfile]:
    """Profile every stored column of the schema."""
    return [
        _profile(name, column, rows[name], reading.ids.get(schema.ids_of(name)))
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
    means = (f"{column.name}: mean {column.mean:.4g}" for column in columns if column.mean)
    table.caption = "; ".join([*(column.span for column in columns if column.span), *means])
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
    is_time = isinstance(column, Timestamp) and len(values) > 0
    first, last = pc.min_max(values).as_py().values() if is_time else (None, None)
    return ColumnProfile(
        name=name,
        kind=column.kind,
        rows=len(values),
        missing=missing,
        distinct=None if isinstance(column, Embedding) else pc.count_distinct(elements).as_py(),
        base_rate=_base_rate(column, values),
        mean=pc.mean(values.cast(pa.float64())).as_py() if isinstance(column, Value) else None,
        coding=None if coding is None else describe_coding(coding),
        first=None if first is None else clock_text(first),
        last=None if last is None else clock_text(last),
    )


def _base_rate(column: StoredColumn, values: pa.ChunkedArray) -> float | None:
    if isinstance(column, Value):
        values = pc.greater(values, 0).cast(pa.int8())
    elif not isinstance(column, Event):
        return None
    rate: float | None = pc.mean(values).as_py()
    return rate


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
