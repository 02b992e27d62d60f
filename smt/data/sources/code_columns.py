"""The id columns of a schema, single or in lists, as ids; columns that share ids together."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from smt.data.coding import Dictionary
from smt.data.reading import IdCoding
from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, DataConstraint, Schema, Surface
from smt.data.sources.ids import IdColumn, code_ids
from smt.data.sources.missing import USUAL_WORDS
from smt.data.sources.raw_ids import RawIds, raw_ids
from smt.errors import InputError

Files = Mapping[str, pa.Array]
"""One column of every file; the key, "FILE: column 'NAME'", opens every error about it."""


@dataclass(frozen=True)
class CodedColumns:
    """The ids of a table's columns.

    Attributes:
        ids: By column, for each file the int64 ids of its values or of its lists' elements;
            null where they are missing.
        codings: By the column whose ids they are.
        dictionaries: Of the columns whose coding is `dictionary`.
        remarks: Sentences that a person should read.
    """

    ids: Mapping[str, tuple[pa.Array, ...]]
    codings: Mapping[str, IdCoding]
    dictionaries: Mapping[str, Dictionary]
    remarks: tuple[str, ...]


def code_columns(columns: Mapping[str, Files], schema: Schema) -> CodedColumns:
    """Code every id column of the schema, all files together.

    Args:
        columns: Plain arrays; those of lists are lists already.

    Raises:
        InputError: As of `code_ids`.
    """
    ids: dict[str, tuple[pa.Array, ...]] = {}
    codings: dict[str, IdCoding] = {}
    dictionaries: dict[str, Dictionary] = {}
    remarks: list[str] = []
    for root in schema.names(*SINGLE_ID_KINDS, *ID_LIST_KINDS):
        if schema.ids_of(root) != root:
            continue
        shared = [
            name
            for name in schema.names(*SINGLE_ID_KINDS, *ID_LIST_KINDS)
            if schema.ids_of(name) == root
        ]
        kind = _id_column(schema, root)
        raw = {
            name: [_raw(values, schema, name, where) for where, values in columns[name].items()]
            for name in shared
        }
        coded = code_ids(root, kind, raw)
        ids |= coded.columns
        codings[root] = coded.coding
        remarks += coded.remarks
        if coded.dictionary is not None:
            dictionaries[root] = coded.dictionary
    return CodedColumns(ids, codings, dictionaries, tuple(remarks))


def _id_column(schema: Schema, name: str) -> IdColumn:
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
    kind, root = _id_column(schema, name), _id_column(schema, schema.ids_of(name))
    given = root.missing if kind.missing is None else kind.missing
    names = kind.names if isinstance(kind, Surface | DataConstraint) else None
    if given is None and names is not None:
        # NA is Namibia where the schema names it.
        return tuple(word for word in USUAL_WORDS if word not in names)
    return given
