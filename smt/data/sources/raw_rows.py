"""Raw rows as a log's columns, by what was decided over all of its files when it was made."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.coding import Dictionary, flat
from smt.data.columns import ID_LIST_KINDS, Embedding, Numeric, Sequence, Timestamp
from smt.data.log import arrow_schema
from smt.data.reading import IdCoding, Reading
from smt.data.schema import Schema
from smt.data.sources.arrow_types import nothing, plain
from smt.data.sources.code_columns import id_column
from smt.data.sources.histories import Histories, as_ordered, before_impressions
from smt.data.sources.ids import IdColumn, coder_of, names_of
from smt.data.sources.lists import as_lists
from smt.data.sources.log_columns import log_columns
from smt.data.sources.missing import words_of
from smt.data.sources.numbers import code_column, refuse
from smt.data.sources.raw_ids import canonical, raw_ids
from smt.data.sources.time_columns import readable
from smt.data.sources.times import read_times
from smt.errors import InputError
from smt.spec import suggest

Columns = Mapping[str, pa.Array]


@dataclass(frozen=True)
class Codings:
    """How a log's columns were made of raw values.

    Attributes:
        dictionaries: By the column whose ids they are.
    """

    schema: Schema
    reading: Reading
    dictionaries: Mapping[str, Dictionary]


@dataclass(frozen=True)
class CodedRows:
    """Rows as a log has them.

    Attributes:
        table: With the columns asked for, and those of their steps.
        unknown: By column, the values (of lists, elements) that no log of the schema could
            hold: ids that it does not know, and what cannot be read. They count as missing.
        missing: By column, those that are no value.
    """

    table: pa.Table
    unknown: dict[str, int]
    missing: dict[str, int]


def code_rows(rows: pa.Table, columns: Several[str], codings: Codings) -> CodedRows:
    """Make columns of raw rows as `read_table` made the log's, but let no value stop the others.

    A missing or unknown id is 0, a missing or infinite number NaN; a list without a value is
    empty, a vector zero, a time 0.

    Args:
        rows: Raw values, as a file of the log has them; other columns are ignored.
        columns: Features and the timestamp, as the schema names them.

    Raises:
        InputError: A column is not there, or of a type that it can never have.
    """
    types = arrow_schema(codings.schema)
    coded: dict[str, pa.Array] = {}
    unknown, missing = {}, {}
    for name in columns:
        steps = [step for step, sequence in codings.schema.steps.items() if sequence == name]
        raw = {column: _raw(rows, column) for column in (name, *steps)}
        code = partial(_code, name, codings)
        parts = _in_parts(raw, code, {column: nothing(types.field(column).type) for column in raw})
        for column in raw:
            columns_of_parts = [part.columns[column] for part in parts]
            coded[column] = pa.chunked_array(columns_of_parts, types.field(column).type)
        unknown[name] = sum(part.unknown for part in parts)
        missing[name] = sum(part.missing for part in parts)
    table = pa.table(coded).combine_chunks()
    return CodedRows(_before_impressions(table, codings.schema), unknown, missing)


def _before_impressions(table: pa.Table, schema: Schema) -> pa.Table:
    """The rows without steps at or after them, where the rows' times are read."""
    if schema.timestamp not in table.column_names:
        return table
    columns = {name: flat(table[name]) for name in table.column_names}
    for name, kind in schema.of_kind(Sequence).items():
        if name in columns and kind.timestamps is not None:
            lists = Histories.of(name, kind, columns)
            columns |= before_impressions(lists, columns[schema.timestamp]).columns(name, kind)
    return pa.table(columns)


@dataclass(frozen=True)
class _Part:
    """Some rows of a column and of its steps, and what of them was not known."""

    columns: Columns
    unknown: int
    missing: int


def _in_parts(
    raw: Columns, code: Callable[[Columns], _Part], nothing: Columns
) -> tuple[_Part, ...]:
    """The rows, coded in halves of halves where a value cannot be: it alone becomes nothing."""
    try:
        return (code(raw),)
    except InputError:
        first = next(iter(raw.values()))
        if len(first) <= 1:
            # What is wrong without any row is a type, or the dictionary that is not there.
            code({name: values.slice(0, 0) for name, values in raw.items()})
            absent = all(values.null_count for values in raw.values())
            return (_Part(nothing, unknown=not absent, missing=absent),)
        half = len(first) // 2
        return tuple(
            part
            for start, count in ((0, half), (half, len(first) - half))
            for part in _in_parts(
                {name: values.slice(start, count) for name, values in raw.items()}, code, nothing
            )
        )


def _raw(rows: pa.Table, name: str) -> pa.Array:
    if name not in rows.column_names:
        raise InputError(f"the rows lack the column '{name}'; {suggest(name, rows.column_names)}")
    return plain(rows[name], _where(name))


def _where(name: str) -> str:
    return f"the rows: column '{name}'"


def _code(name: str, codings: Codings, raw: Columns) -> _Part:
    """Some rows of a column and of its steps; of sequences, in the order of the log's."""
    kind = codings.schema.stored[name]
    are_lists = isinstance(kind, (*ID_LIST_KINDS, Embedding))
    if isinstance(kind, (*ID_LIST_KINDS, Embedding)):
        words = None if isinstance(kind, Embedding) else kind.missing
        raw = {column: _lists(column, codings, values, words) for column, values in raw.items()}
    elements = {column: values.flatten() if are_lists else values for column, values in raw.items()}
    known: dict[str, pa.Array] = {}
    unknown = missing = 0
    if isinstance(kind, IdColumn):
        known[name], strangers = read_ids(name, codings, elements[name], _where(name))
        unknown = pc.sum(strangers).as_py() or 0
        missing = known[name].null_count + (raw[name].null_count if are_lists else 0)
    elif isinstance(kind, Timestamp):
        known[name] = read_milliseconds(name, codings, elements[name], _where(name))
    if isinstance(kind, Sequence) and kind.timestamps is not None:
        times = elements[kind.timestamps]
        where = _where(kind.timestamps)
        known[kind.timestamps] = read_milliseconds(kind.timestamps, codings, times, where)
    if isinstance(kind, Sequence) and kind.events is not None:
        codes = code_column(elements[kind.events], None, _where(kind.events))
        outside = pc.or_(pc.less(codes, 0), pc.greater_equal(codes, kind.num_events or 0))
        unknown += 0 if kind.num_events is None else pc.sum(outside).as_py() or 0
        known[kind.events] = codes
    named = {column: (_where(column), values) for column, values in raw.items()}
    columns = log_columns(name, kind, named, known)
    if isinstance(kind, Numeric):
        missing = pc.sum(pc.is_nan(columns[name])).as_py() or 0
    if isinstance(kind, Sequence):
        order = codings.reading.orders.get(name)
        columns = as_ordered(Histories.of(name, kind, columns), order).columns(name, kind)
    return _Part(columns, unknown, missing)


def read_milliseconds(name: str, codings: Codings, values: pa.Array, where: str) -> pa.Array:
    """Times of impressions or steps, in the unit that the log's files had.

    Args:
        where: File and column, which open an error.

    Raises:
        InputError: One is missing, or is no time.
    """
    clock = codings.schema.of_kind(Timestamp)[codings.schema.timestamp]
    times = readable(values)
    refuse(times, pc.is_null(times), "is missing", where)
    unit = codings.reading.units.get(name, "ms")
    return read_times({where: times}, unit=unit, zone=clock.zone).milliseconds[where]


def _lists(name: str, codings: Codings, values: pa.Array, given: Several[str] | None) -> pa.Array:
    sequence = codings.schema.steps.get(name, name)
    separators = codings.reading.separators
    separator = separators.get(name, separators.get(sequence))
    lists, _ = as_lists({_where(name): values}, separator=separator, given=given)
    return lists[_where(name)]


def read_ids(
    name: str, codings: Codings, values: pa.Array, where: str
) -> tuple[pa.Array, pa.Array]:
    """The int64 ids, null where missing, 0 where unknown; and which are unknown.

    Args:
        where: File and column, which open an error.

    Raises:
        InputError: A value can be no id, or the column's dictionary is not there.
    """
    root = codings.schema.ids_of(name)
    kind, owner = id_column(codings.schema, name), id_column(codings.schema, root)
    names = canonical(names_of(owner))
    coding = codings.reading.ids.get(root, _number(kind))
    if coding.coding == "dictionary" and root not in codings.dictionaries:
        raise InputError(
            f"the dictionary of column '{root}' is not at hand, so '{name}' has no ids"
        )
    words = coding.missing if kind.missing is None else kind.missing
    raw = raw_ids(values, tuple(word for word in words if word not in names), where)
    ids = coder_of(coding, names, codings.dictionaries.get(root))(raw.texts)
    zero = pc.match_substring_regex(raw.texts, r"^-?0+$")
    if coding.coding != "number":
        zero = pc.is_in(raw.texts, pa.array(names[:1], raw.texts.type))
    strangers = pc.and_(pc.equal(ids, 0), pc.invert(zero))
    return raw.take(ids), strangers.take(raw.places)


def _number(kind: IdColumn) -> IdCoding:
    """Of a log that was not made of raw values."""
    words = words_of(kind.missing)
    return IdCoding(
        coding="number",
        num_ids=kind.num_ids,
        missing=words,
        names=0,
        ids=0,
        sharing=0,
        missing_rows={},
    )
