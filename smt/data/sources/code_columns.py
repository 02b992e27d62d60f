"""The id columns of a schema, single or in lists, as ids; columns that share ids together."""

from collections.abc import Mapping

import pyarrow as pa

from smt.data.columns import ID_LIST_KINDS, SINGLE_ID_KINDS
from smt.data.schema import Schema
from smt.data.sources.ids import CodedIds, IdColumn, code_ids, names_of
from smt.data.sources.missing import USUAL_WORDS
from smt.data.sources.raw_ids import RawIds, raw_ids
from smt.errors import InputError

Files = Mapping[str, pa.Array]
"""One column of every file; the key, "FILE: column 'NAME'", opens every error about it."""


def code_columns(columns: Mapping[str, Files], schema: Schema) -> dict[str, CodedIds]:
    """Code every id column of the schema, all files together; by the column whose ids they are.

    Args:
        columns: Plain arrays; those of lists are lists already, of which elements are coded.

    Raises:
        InputError: As of `code_ids`.
    """
    names = schema.names(*SINGLE_ID_KINDS, *ID_LIST_KINDS)
    coded = {}
    for root in (name for name in names if schema.ids_of(name) == name):
        raw = {
            name: [_raw(values, schema, name, where) for where, values in columns[name].items()]
            for name in names
            if schema.ids_of(name) == root
        }
        stated = [name for name in raw if id_column(schema, name).missing is not None]
        coded[root] = code_ids(root, id_column(schema, root), raw, stated)
    return coded


def id_column(schema: Schema, name: str) -> IdColumn:
    """What the schema says of a column that is known to be one of ids."""
    kind = schema.columns[name]
    assert isinstance(kind, IdColumn)
    return kind


def _raw(values: pa.Array, schema: Schema, name: str, where: str) -> RawIds:
    if isinstance(schema.columns[name], ID_LIST_KINDS):
        values = values.flatten()
    if pa.types.is_list(values.type):
        kind = schema.columns[name].kind
        raise InputError(
            f"{where}: is of the type {values.type}, which is no {kind}; lists of ids are of kind "
            "id_list or sequence, and have one level"
        )
    return raw_ids(values, _missing(schema, name), where)


def _missing(schema: Schema, name: str) -> tuple[str, ...] | None:
    """The column's own `missing`, else that of the column whose ids it has."""
    kind, root = id_column(schema, name), id_column(schema, schema.ids_of(name))
    given = root.missing if kind.missing is None else kind.missing
    if given is None and (names := names_of(kind)):
        # NA is Namibia where the schema names it.
        return tuple(word for word in USUAL_WORDS if word not in names)
    return given
