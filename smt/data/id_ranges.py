"""Whether the ids of a log are those of its schema: in [0, num_ids)."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.columns import ID_LIST_KINDS, SINGLE_ID_KINDS, Sequence
from smt.data.schema import Schema
from smt.errors import InputError


def id_bounds(schema: Schema) -> dict[str, int]:
    """Stored column of ids, or of the event codes of steps -> how many there are."""
    bounds = {}
    for name, column in schema.stored.items():
        if isinstance(column, (*SINGLE_ID_KINDS, *ID_LIST_KINDS)):
            bounds[name] = column.num_ids
        if isinstance(column, Sequence) and column.events is not None and column.num_events:
            bounds[column.events] = column.num_events
    return bounds


def largest_ids(rows: pa.Table, schema: Schema) -> dict[str, int]:
    """The largest id of each of the rows' id columns; -1 where it has none.

    Raises:
        InputError: An id is outside [0, num_ids).
    """
    largest = {}
    for name, bound in id_bounds(schema).items():
        if name not in rows.column_names:
            continue
        values = rows[name]
        if pa.types.is_list(values.type):
            values = pc.list_flatten(values)
        limits = pc.min_max(values).as_py()
        if limits["min"] is None:
            largest[name] = -1
            continue
        for value in limits.values():
            _require(name, value, bound, "the log")
        largest[name] = limits["max"]
    return largest


def require_ids(largest: Mapping[str, int], schema: Schema, where: str) -> None:
    """Raise `InputError` where the largest id of a column, as recorded, is not in the schema's."""
    for name, bound in id_bounds(schema).items():
        if name not in largest:
            raise InputError(
                f"{where}: the ids of column '{name}' were not checked; prepare it again"
            )
        if largest[name] >= 0:
            _require(name, largest[name], bound, where)


def _require(name: str, value: int, bound: int, where: str) -> None:
    if not 0 <= value < bound:
        raise InputError(
            f"{where}: column '{name}' holds the id {value}, which is outside [0, {bound}); raise "
            "its num_ids in the schema, or code its values"
        )
