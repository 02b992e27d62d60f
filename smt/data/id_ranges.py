"""Which ids a log's columns may hold, and whether they do."""

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, Schema, Sequence
from smt.errors import InputError


def num_ids_of(schema: Schema) -> dict[str, int]:
    """Column -> its ids are in [0, num_ids); of single ids, lists and the codes of steps."""
    limits = {}
    for name, column in schema.columns.items():
        if isinstance(column, (*SINGLE_ID_KINDS, *ID_LIST_KINDS)):
            limits[name] = column.num_ids
        if isinstance(column, Sequence) and column.events and column.num_events:
            limits[column.events] = column.num_events
    return limits


def require_ids(rows: pa.Table, schema: Schema, where: str) -> None:
    """Refuse rows with an id outside its range; one pass over each column, nothing is copied.

    Args:
        rows: With some or all of the schema's columns.
        where: What the rows are; it opens the error.

    Raises:
        InputError: There is one; names the column and the id.
    """
    for name, num_ids in num_ids_of(schema).items():
        if name not in rows.column_names:
            continue
        for chunk in rows[name].chunks:
            ids = chunk.flatten() if isinstance(chunk, pa.ListArray) else chunk
            for value in pc.min_max(ids).as_py().values():
                if value is not None and not 0 <= value < num_ids:
                    raise InputError(
                        f"{where}: column '{name}': the id {value} is outside [0, {num_ids})"
                    )
