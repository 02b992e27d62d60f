"""The times, steps' times and delays of a table as milliseconds, all files together."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.columns import Sequence, Timestamp
from smt.data.schema import Schema
from smt.data.sources.arrow_types import TEXT
from smt.data.sources.code_columns import Files
from smt.data.sources.durations import read_durations
from smt.data.sources.missing import present
from smt.data.sources.numbers import refuse
from smt.data.sources.times import Times, read_step_times, read_times


def time_columns(columns: Mapping[str, Files], schema: Schema) -> dict[str, Times]:
    """Read the timestamp, the times of steps and the delays of a schema, by stored column.

    Args:
        columns: Plain arrays; those of lists are lists already, of which elements are read.

    Raises:
        InputError: As of `read_times` and `read_durations`, or a time is missing.
    """
    name = schema.timestamp
    clock = schema.of_kind(Timestamp)[name]
    shown = read_times(_all_there(columns[name]), unit=clock.unit, zone=clock.zone)
    moments = tuple(shown.milliseconds.values())
    read = {name: shown}
    for sequence in schema.of_kind(Sequence).values():
        step = sequence.timestamps
        if step is None:
            continue
        lists = {where: values.flatten() for where, values in columns[step].items()}
        read[step] = read_step_times(
            _all_there(lists),
            dict(zip(lists, moments, strict=True)),
            unit=sequence.unit,
            zone=clock.zone,
            default=shown.unit,
        )
    for event in (schema.label(name) for name in schema.events):
        delay = event.delay
        if delay is None:
            continue
        given = {where: readable(values) for where, values in columns[delay].items()}
        of_rows = dict(zip(given, moments, strict=True))
        read[delay] = read_durations(given, of_rows, unit=event.unit, default=shown.unit)
    return read


def readable(values: pa.Array) -> pa.Array:
    """Raw times without missing words, and decimals as texts of numbers."""
    values = present(values, None)
    return values.cast(TEXT) if pa.types.is_decimal(values.type) else values


def _all_there(columns: Files) -> dict[str, pa.Array]:
    there = {where: readable(values) for where, values in columns.items()}
    for where, values in there.items():
        refuse(values, pc.is_null(values), "is missing", where)
    return there
