"""A user's own files as a log, checked against a schema and decided over all files together."""

from collections.abc import Sequence as Several
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.log import arrow_schema
from smt.data.reading import Reading
from smt.data.schema import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    Embedding,
    Event,
    Numeric,
    Propensity,
    Schema,
    Sequence,
    Timestamp,
    Weight,
)
from smt.data.sources import Source
from smt.data.sources.arrow_types import plain
from smt.data.sources.code_columns import CodedColumns, Files, code_columns
from smt.data.sources.files import read_files
from smt.data.sources.list_columns import kept_elements, require_same_lengths, with_elements
from smt.data.sources.lists import as_lists
from smt.data.sources.missing import present
from smt.data.sources.numbers import (
    code_column,
    label_column,
    numeric_column,
    positive_column,
    refuse,
    vector_column,
)
from smt.data.sources.old_times import _times
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
    coded = code_columns(columns, wanted)
    return Source(
        schema=wanted,
        rows=_rows(columns, wanted, coded, list(tables)),
        reading=Reading(ids=coded.codings, separators=separators),
        dictionaries=coded.dictionaries,
        report={"source": "table", "files": [Path(file).name for file in tables]},
        remarks=coded.remarks,
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


def _rows(
    columns: dict[str, Files], schema: Schema, coded: CodedColumns, files: list[str]
) -> pa.Table:
    tables = []
    for number in range(len(files)):
        raw = {name: list(column.items())[number] for name, column in columns.items()}
        ids = {name: column[number] for name, column in coded.ids.items()}
        tables.append(pa.table(_file_columns(raw, ids, schema)))
    return pa.concat_tables(tables).combine_chunks()


def _file_columns(
    raw: dict[str, tuple[str, pa.Array]], ids: dict[str, pa.Array], schema: Schema
) -> dict[str, pa.Array]:
    """One file's columns as a log has them."""
    result: dict[str, pa.Array] = {}
    for name, kind in schema.stored.items():
        where, values = raw[name]
        if isinstance(kind, SINGLE_ID_KINDS):
            result[name] = pc.fill_null(ids[name], 0)
        elif isinstance(kind, Sequence):
            result |= _sequence(name, kind, raw, ids[name])
        elif isinstance(kind, ID_LIST_KINDS):
            lists = with_elements(values, ids[name])
            result[name] = kept_elements(lists, ids[name].is_valid())
        elif isinstance(kind, Numeric):
            result[name] = numeric_column(values, kind.missing, where)
        elif isinstance(kind, Embedding):
            result[name] = vector_column(values, kind.dim, where)
        elif isinstance(kind, Event):
            result[name] = label_column(values, where)
        elif isinstance(kind, Timestamp):
            times = present(values, ())
            refuse(times, pc.is_null(times), "is missing", where)
            result[name] = _times(times, where)
        else:
            assert isinstance(kind, Weight | Propensity)
            result[name] = positive_column(values, kind, where)
    for delay, event in schema.delays.items():
        result[delay] = delay_column(raw[delay][1], result[event], raw[delay][0])
    return result


def _sequence(
    name: str, kind: Sequence, raw: dict[str, tuple[str, pa.Array]], ids: pa.Array
) -> dict[str, pa.Array]:
    steps = {name: with_elements(raw[name][1], ids)}
    for step in (kind.events, kind.timestamps):
        if step is None:
            continue
        where, lists = raw[step]
        require_same_lengths(lists, raw[name][1], where)
        elements = lists.flatten()
        if step == kind.events:
            steps[step] = with_elements(lists, code_column(elements, kind.num_events, where))
        else:
            steps[step] = with_elements(lists, _times(present(elements, ()), where))
    return {step: kept_elements(lists, ids.is_valid()) for step, lists in steps.items()}


def delay_column(values: pa.Array, labels: pa.Array, where: str) -> pa.Array:
    """The milliseconds until an event, 0 where it did not happen.

    Raises:
        InputError: A delay is negative, missing where the event happened, or given where not.
    """
    delays = present(values, ())
    if pa.types.is_duration(delays.type):
        delays = delays.cast(pa.duration("ms"), safe=False).cast(pa.int64())
    missing = pc.is_null(delays)
    codes = code_column(
        pc.fill_null(delays, "0" if pa.types.is_large_string(delays.type) else 0), None, where
    )
    happened = pc.equal(labels, 1)
    refuse(delays, pc.and_(happened, missing), "is missing", where)
    refuse(codes, pc.less(codes, 0), "is negative", where)
    early = pc.and_(pc.invert(happened), pc.not_equal(codes, 0))
    refuse(codes, early, "is the delay of what did not happen", where)
    return codes
