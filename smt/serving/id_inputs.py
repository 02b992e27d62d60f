"""The ids that programs take: how many there are of each, and how raw values become them."""

from smt.data import Schema
from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, Sequence


def num_ids_of(schema: Schema) -> dict[str, int]:
    """Column -> its ids are in [0, num_ids); of single ids, lists and the codes of steps."""
    limits = {}
    for name, column in schema.columns.items():
        if isinstance(column, (*SINGLE_ID_KINDS, *ID_LIST_KINDS)):
            limits[name] = column.num_ids
        if isinstance(column, Sequence) and column.events and column.num_events:
            limits[column.events] = column.num_events
    return limits
