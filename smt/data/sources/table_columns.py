"""From a column as a user wrote it to a column of a log, or an error that names the value."""

from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smt.data.schema import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    DataConstraint,
    Embedding,
    Event,
    Numeric,
    Propensity,
    StoredColumn,
    Surface,
    Timestamp,
    Weight,
)
from smt.data.sources.coding import CAST_ERRORS, Hashing, code_lists
from smt.errors import InputError

WHOLE_NUMBER = r"^\d{1,18}$"
TRUTHS = pa.array(["0", "1", "0.0", "1.0", "false", "true"])
"""Texts of labels: those at odd places mean 1."""


def split_lists(values: pa.Array, separator: str) -> pa.Array:
    """Texts like `1|2|3` as lists; the empty text is the empty list. Lists stay as they are."""
    if not _is_text(values.type):
        return values
    filled = pc.if_else(pc.equal(values, ""), None, values)
    return pc.split_pattern(filled.cast(pa.string()), separator)


def holds_ids(values: pa.Array) -> bool:
    """Whether all values (or list elements) are whole numbers: ids themselves, not names."""
    elements = (values.flatten() if _is_list(values.type) else values).drop_null()
    if pa.types.is_integer(elements.type) or not len(elements):
        return True
    if pa.types.is_floating(elements.type):
        return bool(pc.all(pc.equal(pc.floor(elements), elements)).as_py())
    return _is_text(elements.type) and bool(
        pc.all(pc.match_substring_regex(elements, WHOLE_NUMBER)).as_py()
    )


def is_named(kind: StoredColumn) -> TypeGuard[Surface | DataConstraint]:
    """Whether the schema says what each id of the column is called."""
    return isinstance(kind, (Surface, DataConstraint)) and kind.names is not None


def to_log_column(values: pa.Array, kind: StoredColumn, *, hashed: bool, where: str) -> pa.Array:
    """Convert one file's column to the Arrow type of its kind.

    Args:
        values: The column; lists already split.
        hashed: Ids are names to hash (`[1, num_ids)`) rather than ids.
        where: File and column, which open every error.

    Raises:
        InputError: A value does not fit, naming the first such value.
    """
    if isinstance(kind, ID_LIST_KINDS):
        lists = _typed(values, pa.list_(pa.string() if hashed else pa.int64()), where)
        return code_lists(lists, lambda elements: _ids(elements, kind.num_ids, hashed, where))
    if is_named(kind):
        # Id 0 has a name, so it cannot stand for a missing value.
        _refuse(values, pc.is_null(values), "is missing", where)
        if hashed:
            return _named(values, kind.names, where)
    if isinstance(kind, SINGLE_ID_KINDS):
        return _ids(values, kind.num_ids, hashed, where)
    if isinstance(kind, Numeric):
        return pc.fill_null(_typed(values, pa.float32(), where), float("nan"))
    if isinstance(kind, Embedding):
        return _vectors(values, kind.dim, where)
    _refuse(values, pc.is_null(values), "is missing", where)
    if isinstance(kind, Event):
        return _labels(values, where)
    if isinstance(kind, Timestamp):
        return _times(values, where)
    return _positive(values, kind, where)


def step_column(
    values: pa.Array, sequence: pa.Array, num_events: int | None, where: str
) -> pa.Array:
    """The codes or times of a sequence's steps: lists as long as the sequence's.

    Args:
        num_events: Codes are below it; None for times, and for codes without a bound.

    Raises:
        InputError: A list has another length, or an element does not fit.
    """
    lists = code_lists(_typed(values, pa.list_(pa.int64()), where), lambda steps: steps)
    differs = pc.not_equal(pc.list_value_length(lists), pc.list_value_length(sequence))
    _refuse(lists, differs, "has another length than its sequence", where)
    steps = lists.flatten()
    _refuse(steps, pc.is_null(steps), "is missing", where)
    if num_events is not None:
        outside = pc.or_(pc.less(steps, 0), pc.greater_equal(steps, num_events))
        _refuse(steps, outside, f"is outside [0, {num_events})", where)
    return lists


def delay_column(values: pa.Array, labels: pa.Array, where: str) -> pa.Array:
    """The milliseconds until an event, 0 where it did not happen.

    Raises:
        InputError: A delay is negative, missing where the event happened, or given where not.
    """
    delays = _typed(values, pa.int64(), where)
    happened = pc.equal(labels, 1)
    _refuse(delays, pc.and_(happened, pc.is_null(delays)), "is missing", where)
    delays = pc.fill_null(delays, 0)
    _refuse(delays, pc.less(delays, 0), "is negative", where)
    early = pc.and_(pc.invert(happened), pc.not_equal(delays, 0))
    _refuse(delays, early, "is the delay of what did not happen", where)
    return delays


def _ids(values: pa.Array, num_ids: int, hashed: bool, where: str) -> pa.Array:
    if hashed and num_ids < 2:
        raise InputError(f"{where}: holds names to hash, which needs num_ids of at least 2")
    if hashed:
        return Hashing(num_ids)(_typed(values, pa.string(), where))
    ids = pc.fill_null(_typed(values, pa.int64(), where), 0)
    outside = pc.or_(pc.less(ids, 0), pc.greater_equal(ids, num_ids))
    _refuse(ids, outside, f"is outside [0, {num_ids})", where)
    return ids


def _named(values: pa.Array, names: tuple[str, ...] | None, where: str) -> pa.Array:
    codes = pc.index_in(_typed(values, pa.string(), where), pa.array(names or ()))
    _refuse(values, pc.is_null(codes), f"is not one of {', '.join(names or ())}", where)
    return codes.cast(pa.int64())


def _labels(values: pa.Array, where: str) -> pa.Array:
    if not _is_text(values.type):
        values = _typed(values, pa.float64(), where)
        _refuse(values, pc.invert(pc.is_in(values, pa.array([0.0, 1.0]))), "is not 0 or 1", where)
        return values.cast(pa.int8())
    position = pc.index_in(pc.utf8_lower(values), TRUTHS.cast(values.type))
    _refuse(values, pc.is_null(position), "is not 0 or 1", where)
    return pc.bit_wise_and(position, 1).cast(pa.int8())


def _times(values: pa.Array, where: str) -> pa.Array:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    # The first value decides, so that one stray text does not make all numbers wrong.
    if _is_text(values.type) and not holds_ids(values.slice(0, 1)):
        zoned = pc.match_substring_regex(values, r"(Z|[+-]\d\d(:?\d\d)?)$")
        # A date alone ends like an offset of hours.
        zoned = pc.and_(zoned, pc.greater(pc.utf8_length(values), 10))
        local = _typed(values.filter(pc.invert(zoned)), pa.timestamp("ms"), where)
        utc = _typed(values.filter(zoned), pa.timestamp("ms", "UTC"), where)
        times = np.empty(len(values), np.int64)
        chosen = zoned.to_numpy(zero_copy_only=False)
        times[chosen], times[~chosen] = utc.cast(pa.int64()), local.cast(pa.int64())
        return pa.array(times)
    return _typed(values, pa.int64(), where)


def _vectors(values: pa.Array, dim: int, where: str) -> pa.Array:
    lists = _typed(values, pa.list_(pa.float32()), where)
    fits = pc.fill_null(pc.equal(pc.list_value_length(lists), dim), False)
    _refuse(lists, pc.invert(fits), f"is not a list of {dim} numbers", where)
    elements = lists.flatten()
    _refuse(elements, pc.is_null(elements), "is missing", where)
    return pa.FixedSizeListArray.from_arrays(elements, dim)


def _positive(values: pa.Array, kind: Weight | Propensity, where: str) -> pa.Array:
    numbers = _typed(values, pa.float32(), where)
    if isinstance(kind, Weight):
        fits, rule = pc.and_(pc.greater_equal(numbers, 0), pc.is_finite(numbers)), "not negative"
    else:
        fits = pc.and_(pc.greater(numbers, 0), pc.less_equal(numbers, 1))
        rule = "in (0, 1]"
    _refuse(numbers, pc.invert(fits), f"must be {rule}", where)
    return numbers


def _typed(values: pa.Array, target: pa.DataType, where: str) -> Any:
    try:
        return values.cast(target)
    except CAST_ERRORS:
        misfit = values[_first_misfit(values, target)].as_py()
        raise InputError(f"{where}: the value {misfit!r} cannot be read as {target}") from None


def _first_misfit(values: pa.Array, target: pa.DataType) -> int:
    """Where the first value is that cannot be cast; Arrow's own message names any of them."""
    good, bad = 0, len(values)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            values.slice(0, middle).cast(target)
            good = middle
        except CAST_ERRORS:
            bad = middle
    return good


def _refuse(values: pa.Array, wrong: pa.Array, problem: str, where: str) -> None:
    rows = wrong.to_numpy(zero_copy_only=False).nonzero()[0]
    if len(rows):
        value = values[int(rows[0])].as_py()
        shown = "a value" if value is None else f"the value {value!r}"
        raise InputError(f"{where}: {shown} {problem} (element {rows[0] + 1} of the column)")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)
