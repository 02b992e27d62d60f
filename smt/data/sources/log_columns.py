"""A column of a file as a log has it, once its ids and times are known."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.columns import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    Embedding,
    Event,
    IdList,
    Numeric,
    Propensity,
    Sequence,
    StoredColumn,
    Timestamp,
    Value,
    Weight,
)
from smt.data.sources.list_columns import kept_elements, require_same_lengths, with_elements
from smt.data.sources.numbers import (
    amount_column,
    code_column,
    label_column,
    numeric_column,
    positive_column,
    vector_column,
)

Raw = Mapping[str, tuple[str, pa.Array]]
"""Column -> file and column, which open an error, and the plain array or lists."""
Known = Mapping[str, pa.Array]
"""Column -> ids, null where they are missing, times and codes; of lists, the elements'."""


def log_columns(name: str, kind: StoredColumn, raw: Raw, known: Known) -> dict[str, pa.Array]:
    """The column, and its steps'. Raises `InputError` for a value that does not fit the kind."""
    where, values = raw[name]
    if isinstance(kind, ID_LIST_KINDS):
        return _lists(name, kind, raw, known)
    if isinstance(kind, SINGLE_ID_KINDS):
        return {name: pc.fill_null(known[name], 0)}
    if isinstance(kind, Timestamp):
        return {name: known[name]}
    if isinstance(kind, Numeric):
        return {name: numeric_column(values, kind.missing, where)}
    if isinstance(kind, Embedding):
        return {name: vector_column(values, kind.dim, where)}
    if isinstance(kind, Event):
        return {name: label_column(values, where)}
    if isinstance(kind, Value):
        return {name: amount_column(values, where)}
    assert isinstance(kind, Weight | Propensity)
    return {name: positive_column(values, kind, where)}


def _lists(name: str, kind: IdList | Sequence, raw: Raw, known: Known) -> dict[str, pa.Array]:
    """Lists and their steps' columns, without the elements whose id is missing."""
    result = {name: with_elements(raw[name][1], known[name])}
    num_codes = kind.num_events if isinstance(kind, Sequence) else None
    for step in kind.steps if isinstance(kind, Sequence) else ():
        where, lists = raw[step]
        require_same_lengths(lists, raw[name][1], where)
        elements = known.get(step)
        if elements is None:
            elements = code_column(lists.flatten(), num_codes, where)
        result[step] = with_elements(lists, elements)
    return {step: kept_elements(lists, known[name].is_valid()) for step, lists in result.items()}
