"""The left join of a side table to a log."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from smt.data.coding import CAST_ERRORS, flat
from smt.data.columns import SINGLE_ID_KINDS, Column, Embedding, Id, IdList, Numeric
from smt.data.log import Log, arrow_schema
from smt.data.schema import Schema
from smt.data.sources.arrow_types import nothing, plain
from smt.data.sources.ids import code_ids
from smt.data.sources.list_columns import kept_elements, with_elements
from smt.data.sources.lists import as_lists
from smt.data.sources.numbers import numeric_column, vector_column
from smt.data.sources.raw_ids import holds_numbers, raw_ids
from smt.errors import InputError
from smt.spec import digest, suggest

JoinedColumn = Numeric | Id | IdList | Embedding


def enrich(
    log: Log, table: pa.Table | str | Path, *, key: str, columns: Mapping[str, Column]
) -> Log:
    """Add columns of a table with one row an id to every row of a log that has the id.

    Rows of ids that the table lacks get NaN, the id 0, an empty list or a zero vector. So that
    0 means that, whole-number ids of a column of kind `id` are stored one higher: those of the
    table are in [0, num_ids - 1). Names are hashed to [1, num_ids). Windows on disk are read
    into memory as a whole.

    Args:
        table: An Arrow table, or the path or URI of a Parquet file.
        key: A single-id column of the log; the table's column of that name holds the same ids.
        columns: Column of the table -> its kind: numeric, id, id_list or embedding.

    Returns:
        A log in memory, rows in the same order; its digest covers the table's content.

    Raises:
        InputError: The table cannot be read, lacks a column or has an id twice; the key is no
            single id of the log; a column is in the log already, is to cluster its rows, or a
            value does not fit it.
    """
    where = "the side table" if isinstance(table, pa.Table) else str(table)
    log.schema.require([key], log.schema.names(*SINGLE_ID_KINDS), f"key of {where}:")
    kinds = _joined_kinds(columns, log.schema, where)
    side = _read(table, [key, *kinds], where)
    ids = _unique_ids(side[key], f"{where}: column '{key}'")
    schema = Schema(columns={**log.schema.columns, **kinds})
    known = {name: _known(name, side[name], kind, where) for name, kind in kinds.items()}
    # Behind a column's values that of ids which the table lacks.
    values = {name: pa.concat_arrays([array, nothing(array.type)]) for name, array in known.items()}
    train, test = (_join(window, schema, key, ids, values) for window in (log.train, log.test))
    table_hash = _hash(pa.table({key: pa.concat_arrays([ids, pa.array([-1])]), **values}))
    described = {name: kind.to_dict() for name, kind in kinds.items()}
    return Log(schema, train, test, digest([log.digest, described, table_hash]))


def _joined_kinds(
    columns: Mapping[str, Column], schema: Schema, where: str
) -> dict[str, JoinedColumn]:
    taken = {*schema.columns, *schema.steps, *schema.delays, *schema.truths}
    kinds: dict[str, JoinedColumn] = {}
    for name, kind in columns.items():
        if name in taken:
            raise InputError(f"{where}: the log has a column '{name}' already")
        if not isinstance(kind, JoinedColumn):
            raise InputError(
                f"{where}: column '{name}' cannot be of kind '{kind.kind}'; "
                "numeric, id, id_list and embedding can be joined"
            )
        if isinstance(kind, Id) and kind.cluster:
            raise InputError(
                f"{where}: column '{name}' cannot be what rows are clustered by, as both networks "
                "of a comparison need it; set 'cluster' in the log's own schema"
            )
        if isinstance(kind, Id) and kind.num_ids < 2:
            raise InputError(f"{where}: column '{name}' needs num_ids of at least 2, as 0 is taken")
        kinds[name] = kind
    return kinds


def _read(table: pa.Table | str | Path, names: list[str], where: str) -> pa.Table:
    if not isinstance(table, pa.Table):
        try:
            table = pq.read_table(str(table))
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{where}: {' '.join(str(error).split())}") from None
    for name in names:
        if name not in table.column_names:
            raise InputError(
                f"{where}: lacks the column '{name}'; {suggest(name, table.column_names)}"
            )
    return table.select(names).combine_chunks()


def _unique_ids(column: pa.ChunkedArray, where: str) -> pa.Array:
    try:
        ids = flat(column).cast(pa.int64())
    except CAST_ERRORS:
        raise InputError(f"{where}: must hold ids, not {column.type}") from None
    if ids.null_count:
        raise InputError(f"{where}: an id is missing")
    counts = pc.value_counts(ids)
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise InputError(f"{where}: the id {twice[0]} is there twice")
    return ids


def _known(name: str, column: pa.ChunkedArray, kind: JoinedColumn, table: str) -> pa.Array:
    """The column as a log has it."""
    where = f"{table}: column '{name}'"
    values = plain(column, where)
    if isinstance(kind, Numeric):
        return numeric_column(values, kind.missing, where)
    if isinstance(kind, Embedding):
        lists, _ = as_lists({where: values}, separator=kind.separator, given=None)
        return vector_column(lists[where], kind.dim, where)
    if isinstance(kind, IdList):
        lists, _ = as_lists({where: values}, separator=kind.separator, given=kind.missing)
        raw = raw_ids(lists[where].flatten(), kind.missing, where)
        (ids,) = code_ids(name, kind, {name: [raw]}).columns[name]
        return kept_elements(with_elements(lists[where], ids), ids.is_valid())
    raw = raw_ids(values, kind.missing, where)
    shifted = kind.model_copy(update={"num_ids": kind.num_ids - 1})
    if kind.coding in (None, "number") and holds_numbers(raw):
        (ids,) = code_ids(name, shifted, {name: [raw]}).columns[name]
        return pc.fill_null(pc.add(ids, 1), 0)
    (ids,) = code_ids(name, kind, {name: [raw]}).columns[name]
    return pc.fill_null(ids, 0)


def _join(
    window: pa.Table | ds.Dataset,
    schema: Schema,
    key: str,
    ids: pa.Array,
    values: Mapping[str, pa.Array],
) -> pa.Table:
    rows = window if isinstance(window, pa.Table) else window.to_table()
    place = pc.fill_null(pc.index_in(flat(rows[key]), value_set=ids), len(ids))
    fields = arrow_schema(schema)
    for name, column in values.items():
        rows = rows.append_column(fields.field(name), column.take(place))
    return rows.combine_chunks()


def _hash(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()
