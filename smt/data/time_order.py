"""In what order the rows of a log come, and where in time it is cut.

Rows are in order of time. What is trained last counts most, so rows of one moment must not
come in an order that knows their labels, as that of files or of a sorted table may: they come
in the order of a hash of their features.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from smt.data.columns import FEATURE_KINDS
from smt.data.schema import Schema
from smt.errors import InputError

Hashes = NDArray[np.uint64]
FAR_OFF = 0.2
"""A window whose share differs by more than this part of the share asked for is far off."""


def time_order(table: pa.Table, schema: Schema, target: pa.Schema) -> NDArray[np.int64]:
    """The rows in order of time, those of one moment by a hash of their features.

    The order is a function of what the rows hold, not of where they stood. Rows that differ in
    no feature stand at places drawn by their hash, so their labels say nothing about these.

    Args:
        target: The Arrow schema of the log, so that an id hashes alike in any integer type.

    Returns:
        `[rows]` row numbers.
    """
    times = pc.cast(table[schema.timestamp], pa.int64()).to_numpy()
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    same = ordered[1:] == ordered[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    if not len(tied):
        return order
    rows = table.take(pa.array(order[tied])).combine_chunks()
    order[tied] = order[tied][_order_of_ties(rows, ordered[tied], schema, target)]
    return order


def cut_row(times: NDArray[np.int64], name: str, share: float) -> int:
    """Where ascending times are cut so that about the last `share` of them is behind the cut.

    The cut falls between two times, at the place nearest to the share; of two such places at
    the one that leaves more behind it.

    Args:
        times: `[N]`, in ascending order.
        name: Of the column, for the error.

    Returns:
        The number of rows before the cut.

    Raises:
        InputError: There are fewer than two distinct times.
    """
    places = np.flatnonzero(times[1:] > times[:-1]) + 1
    if not len(places):
        raise InputError(
            f"the column '{name}' has too few distinct values to split the log by time"
        )
    return int(places[np.abs(places - int(len(times) * (1 - share))).argmin()])


def cut_rows(
    rows: pa.Table | ds.Dataset, timestamp: str, time_ms: int
) -> tuple[pa.Table, pa.Table] | tuple[ds.Dataset, ds.Dataset]:
    """The rows before a time and the others, of rows in order of time; nothing is copied."""
    if isinstance(rows, pa.Table):
        count = pc.sum(pc.less(rows[timestamp], time_ms)).as_py() or 0
        return rows.slice(0, count), rows.slice(count)
    time = pc.field(timestamp)
    return rows.filter(time < time_ms), rows.filter(time >= time_ms)


def share_remark(train_rows: int, test_rows: int, share: float) -> str | None:
    """A sentence where the test window is far off the share that was asked for; else None."""
    reached = test_rows / (train_rows + test_rows)
    if abs(reached - share) <= FAR_OFF * share:
        return None
    return (
        f"the test window is {reached:.1%} of the rows, not {share:.1%}: the log is cut between "
        "two times, and no other place is nearer"
    )


def _order_of_ties(
    rows: pa.Table, times: NDArray[np.int64], schema: Schema, target: pa.Schema
) -> NDArray[np.int64]:
    features = set(schema.names(*FEATURE_KINDS)) | set(schema.steps)
    stored = [field for field in target if field.name in rows.column_names]
    parts: dict[bool, Hashes] = {}
    for of_features in (True, False):
        hashes = mix(times.view(np.uint64))
        for field in stored:
            if (field.name in features) == of_features:
                values = rows[field.name].cast(field.type).combine_chunks()
                hashes = mix(hashes + _column_hashes(values))
        parts[of_features] = hashes
    # Rows alike in all features are put in an order of their own, whatever it was in the files,
    # then each at a place that its number in that order is hashed to.
    alike = np.lexsort((parts[False], parts[True], times))
    keys = parts[True][alike]
    starts = np.insert(keys[1:] != keys[:-1], 0, True)
    number = np.arange(len(keys)) - np.flatnonzero(starts)[np.cumsum(starts) - 1]
    places = mix(keys + mix(number.astype(np.uint64)))
    by_hash: NDArray[np.int64] = alike[np.lexsort((places, times[alike]))]
    return by_hash


def _column_hashes(values: pa.Array) -> Hashes:
    """`[rows]`; a list hashes by its elements, their order and their number."""
    if not pa.types.is_list(values.type) and not pa.types.is_fixed_size_list(values.type):
        return mix(_bits(values))
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    places = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    elements = mix(_bits(pc.list_flatten(values)) + mix(places.astype(np.uint64)))
    sums = np.insert(np.cumsum(elements, dtype=np.uint64), 0, 0)
    return mix(sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64))


def _bits(values: pa.Array) -> Hashes:
    """Numbers as they are stored, with one NaN and one zero; a null is a zero."""
    numbers = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    if numbers.dtype.kind != "f":
        whole: Hashes = numbers.astype(np.int64).view(np.uint64)
        return whole
    numbers = np.where(np.isnan(numbers), np.float32("nan"), numbers.astype(np.float32))
    bits: Hashes = (numbers + np.float32(0)).view(np.uint32).astype(np.uint64)
    return bits


def mix(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
