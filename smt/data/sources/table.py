"""A user's own files as a log, checked against a schema and decided over all files together."""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Several
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.columns import ID_LIST_KINDS, Embedding, Order, Sequence
from smt.data.log import arrow_schema
from smt.data.reading import Reading
from smt.data.schema import Schema
from smt.data.sources import Source
from smt.data.sources.arrow_types import plain
from smt.data.sources.code_columns import Files, code_columns
from smt.data.sources.event_order import remarks_on_order
from smt.data.sources.files import read_files
from smt.data.sources.histories import Histories, order_histories
from smt.data.sources.lists import as_lists
from smt.data.sources.log_columns import log_columns
from smt.data.sources.numbers import refuse
from smt.data.sources.time_columns import time_columns
from smt.errors import InputError


def read_table(
    files: Several[str | Path],
    schema: str | Path,
    *,
    separator: str | None = None,
    delimiter: str | None = None,
) -> Source:
    """Read files that have the columns of a schema; other columns are ignored.

    What a value means is decided over all files together, and is the same in CSV and in any
    type of Parquet. Ids are coded as `smt.data.sources.ids` says; a missing id is 0, a missing
    number NaN, a missing list empty, a missing element left out of its list. Labels, times,
    weights and propensities may not be missing, nor the delay of what happened.

    Args:
        files: Files and folders as of `read_files`.
        schema: A YAML file like the `schema.yaml` of a log.
        separator: Of lists in a text, where the schema does not say; None tells it from them.
        delimiter: As of `read_files`.

    Raises:
        InputError: Names the file, the column and the first value that does not fit.
    """
    wanted = Schema.load(schema)
    if not wanted.events:
        raise InputError(f"{schema}: names no column of kind 'event'; a log needs a label")
    if separator == "":
        raise InputError("--separator must not be empty")
    tables = read_files(
        files, arrow_schema(wanted).names, delimiter=delimiter, labels=wanted.events
    )
    raw: dict[str, Files] = {
        name: {
            f"{file}: column '{name}'": plain(table[name], f"{file}: column '{name}'")
            for file, table in tables.items()
        }
        for name in arrow_schema(wanted).names
    }
    columns, separators = _with_lists(raw, wanted, separator)
    coded, timed = code_columns(columns, wanted), time_columns(columns, wanted)
    known = {name: values for ids in coded.values() for name, values in ids.columns.items()}
    known |= {name: tuple(times.milliseconds.values()) for name, times in timed.items()}
    parts = _log_columns(columns, wanted, known)
    orders, remarks = _order(parts, wanted, tables)
    return Source(
        schema=wanted,
        rows=pa.concat_tables([pa.table(part) for part in parts]).combine_chunks(),
        reading=Reading(
            ids={name: ids.coding for name, ids in coded.items()},
            units={name: times.unit for name, times in timed.items() if times.unit is not None},
            orders=orders,
            separators=separators,
        ),
        dictionaries={n: ids.dictionary for n, ids in coded.items() if ids.dictionary},
        report={"source": "table", "files": [Path(file).name for file in tables]},
        remarks=(
            *(remark for times in timed.values() for remark in times.remarks),
            *(remark for ids in coded.values() for remark in ids.remarks),
            *remarks,
            *remarks_on_order(parts, wanted),
        ),
    )


def _with_lists(
    columns: dict[str, Files], schema: Schema, separator: str | None
) -> tuple[dict[str, Files], dict[str, str]]:
    """The columns with lists for texts of lists, and what separates these."""
    used: dict[str, str] = {}
    result = dict(columns)
    for name in schema.names(*ID_LIST_KINDS, Embedding):
        kind = schema.columns[name]
        assert isinstance(kind, (*ID_LIST_KINDS, Embedding))
        missing = None if isinstance(kind, Embedding) else kind.missing
        steps = [step for step, sequence in schema.steps.items() if sequence == name]
        chosen = kind.separator or separator
        for column in (name, *steps):
            # What separates ids separates their times, where a blank may be a time's own.
            given = chosen or used.get(name)
            result[column], shown = as_lists(columns[column], separator=given, given=missing)
            if shown is not None:
                used[column] = shown
    return result, used


def _log_columns(
    columns: dict[str, Files], schema: Schema, known: Mapping[str, tuple[pa.Array, ...]]
) -> list[dict[str, pa.Array]]:
    """The columns of each file as a log has them, histories in their own order.

    Args:
        known: By column, for each file the ids or milliseconds of its values or of its lists'
            elements; null where they are missing.
    """
    parts = []
    for number in range(len(columns[schema.timestamp])):
        raw_here = {name: list(files.items())[number] for name, files in columns.items()}
        known_here = {name: files[number] for name, files in known.items()}
        part: dict[str, pa.Array] = {}
        for name, kind in schema.stored.items():
            part |= log_columns(name, kind, raw_here, known_here)
        for delay, event in schema.delays.items():
            part[delay] = _delays(known_here[delay], part[event], raw_here[delay][0])
        parts.append(part)
    return parts


def _delays(delays: pa.Array, labels: pa.Array, where: str) -> pa.Array:
    """The milliseconds until an event, 0 where it did not happen.

    Raises:
        InputError: A delay is negative, missing where the event happened, or given where not.
    """
    happened = pc.equal(labels, 1)
    refuse(delays, pc.and_(happened, pc.is_null(delays)), "is missing", where)
    delays = pc.fill_null(delays, 0)
    refuse(delays, pc.less(delays, 0), "is negative", where)
    early = pc.and_(pc.invert(happened), pc.not_equal(delays, 0))
    refuse(delays, early, "is the delay of what did not happen", where)
    return delays


def _order(
    parts: list[dict[str, pa.Array]], schema: Schema, files: Iterable[str]
) -> tuple[dict[str, Order], tuple[str, ...]]:
    """Bring the histories of all files into one order, in place; how they were, and remarks."""
    orders: dict[str, Order] = {}
    remarks: tuple[str, ...] = ()
    for name, kind in schema.of_kind(Sequence).items():
        named = {f"{file}: column '{name}'": part for file, part in zip(files, parts, strict=True)}
        ordered = order_histories(
            name,
            {where: Histories.of(name, kind, part) for where, part in named.items()},
            {where: part[schema.timestamp] for where, part in named.items()},
            order=kind.order,
        )
        remarks += ordered.remarks
        if ordered.order is not None:
            orders[name] = ordered.order
        for where, part in named.items():
            part |= ordered.files[where].columns(name, kind)
    return orders, remarks
