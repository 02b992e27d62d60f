"""The many Arrow types that files hold, as the few that a column of a log is made of."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.coding import CAST_ERRORS
from smt.errors import InputError

TEXT = pa.large_string()
LISTS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_KEPT = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_decimal,
    pa.types.is_timestamp,
    pa.types.is_date,
    pa.types.is_duration,
)


def plain(column: pa.Array | pa.ChunkedArray, where: str) -> pa.Array:
    """One array of the same values, whose type is one of a few.

    These are null, bool, integers, floats, decimals, large_string, timestamps,
    dates, durations, and list_ of one of them. Dictionaries and runs are decoded, views,
    bytes (as UTF-8), small decimals and the other kinds of lists converted.

    Args:
        where: File and column, which open an error.

    Raises:
        InputError: The type is none that a column of a log can be made of.
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if not chunks:
        return plain(pa.array([], column.type), where)
    arrays = [_plain(chunk, where) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type, plain or not, is one of texts."""
    return any(is_a(kind) for is_a in _TEXTS)


def list_of(elements: pa.Array, lengths: pa.Array, is_null: pa.Array | None = None) -> pa.Array:
    """Lists of these lengths, one after the other; an optional mask marks those that are null."""
    counts = pc.fill_null(lengths, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, elements, mask=is_null)


def beside_nulls(numbers: NDArray[np.int64], values: pa.Array) -> pa.Array:
    """Int64 numbers of those of the values that are not null, each at its value's place."""
    return pc.replace_with_mask(
        pa.nulls(len(values), pa.int64()), values.is_valid(), pa.array(numbers)
    )


def nothing(kind: pa.DataType) -> pa.Array:
    """One row of a log's column without a value: 0, NaN, an empty list or a vector of zeros."""
    if pa.types.is_fixed_size_list(kind):
        return pa.array([[0.0] * kind.list_size], kind)
    if pa.types.is_list(kind):
        return pa.array([[]], kind)
    return pa.array([float("nan") if pa.types.is_floating(kind) else 0], kind)


def _plain(values: pa.Array, where: str) -> pa.Array:
    kind = values.type
    if kind == pa.uuid():
        return pa.array([None if uuid is None else str(uuid) for uuid in values.to_pylist()], TEXT)
    if isinstance(values, pa.ExtensionArray):
        return _plain(values.storage, where)
    if pa.types.is_dictionary(kind):
        # Decoding takes no view or list of Arrow's, so that their values are taken one by one.
        return _plain(values.dictionary, where).take(values.indices)
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(values), where)
    if is_text(kind):
        return values.cast(TEXT)
    if any(is_a(kind) for is_a in _BYTES):
        return _decoded(values, where)
    if any(is_list(kind) for is_list in LISTS):
        elements = _plain(values.flatten(), where)
        if pa.types.is_list(elements.type):
            raise InputError(
                f"{where}: is of the type {_named(kind)}, lists within lists, which no kind of "
                "column holds; write one list in each row, or leave it out of the schema"
            )
        return list_of(elements, pc.list_value_length(values), values.is_null())
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        # Arrow neither encodes nor compares the smallest ones.
        return values.cast(pa.decimal128(kind.precision, kind.scale))
    if pa.types.is_floating(kind) or any(is_kept(kind) for is_kept in _KEPT):
        return values
    if pa.types.is_time(kind):
        raise InputError(
            f"{where}: is of the type {kind}, a time of day without a date; write the moment with "
            "its date, or the time of day as a number or text, or leave it out of the schema"
        )
    raise InputError(
        f"{where}: is of the type {_named(kind)}, which is no number, text, time or list of them; "
        "make columns of its parts, or leave it out of the schema"
    )


def _named(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _decoded(values: pa.Array, where: str) -> pa.Array:
    try:
        return values.cast(pa.large_binary()).cast(TEXT)
    except CAST_ERRORS:
        raise InputError(f"{where}: holds bytes ({values.type}) that are no UTF-8 text") from None
