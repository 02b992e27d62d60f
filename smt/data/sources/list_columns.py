"""Columns of lists as a log has them: without missing elements, steps side by side."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import list_of
from smt.data.sources.numbers import refuse


def with_elements(lists: pa.Array, elements: pa.Array) -> pa.Array:
    """The lists with other elements, one for each; a null list becomes an empty one."""
    return list_of(elements, pc.list_value_length(lists))


def kept_elements(lists: pa.Array, keep: pa.Array) -> pa.Array:
    """The lists with those elements that are marked, one mark for each."""
    marks = keep.to_numpy(zero_copy_only=False)
    if marks.all():
        return lists
    before = np.concatenate([[0], np.cumsum(marks)])
    offsets = before[lists.offsets.to_numpy() - lists.offsets[0].as_py()]
    return list_of(lists.flatten().filter(keep), pa.array(np.diff(offsets)))


def require_same_lengths(lists: pa.Array, others: pa.Array, where: str) -> None:
    """Raise `InputError` for the first list that is not as long as its sequence's."""
    lengths, expected = (pc.fill_null(pc.list_value_length(array), 0) for array in (lists, others))
    refuse(lists, pc.not_equal(lengths, expected), "has another length than its sequence", where)
