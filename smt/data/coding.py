"""Turning texts and values into ids: 0 is a missing or unknown value in every coding."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

Coder = Callable[[pa.Array], pa.Array]
# What Arrow raises where a column cannot be of another type.
CAST_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
_DIGITS = r"^-?\d{1,18}$"


@dataclass(frozen=True)
class Numbers:
    """Whole numbers as texts are the ids themselves."""

    num_ids: int

    def __call__(self, column: pa.Array) -> pa.Array:
        """The int64 id of each text; 0 where it is null or no number in [0, num_ids)."""
        short = pc.if_else(pc.match_substring_regex(column, _DIGITS), column, None)
        ids = short.cast(pa.int64())
        known = pc.and_(pc.greater_equal(ids, 0), pc.less(ids, self.num_ids))
        return pc.fill_null(pc.if_else(known, ids, 0), 0)


@dataclass(frozen=True)
class Places:
    """Ids 0, 1, … for names in a given order, as a schema's `names` has them."""

    names: tuple[str, ...]

    def __call__(self, column: pa.Array) -> pa.Array:
        """The int64 place of each name; 0 where it is null or unknown."""
        places = pc.index_in(column, value_set=pa.array(self.names, column.type))
        return pc.fill_null(places, 0).cast(pa.int64())


@dataclass(frozen=True)
class Dictionary:
    """Ids 1, 2, … for the known values in ascending order.

    Attributes:
        values: The known values, without null.
    """

    values: pa.Array

    @property
    def num_ids(self) -> int:
        """How many ids there are, that of missing values included."""
        return len(self.values) + 1

    def __call__(self, column: pa.Array) -> pa.Array:
        """The int64 id of each value; 0 where it is null or unknown."""
        positions = pc.index_in(column, value_set=self.values)
        return pc.add(pc.fill_null(positions, -1).cast(pa.int64()), 1)

    def as_texts(self) -> "Dictionary":
        """The same with the values' texts, as raw rows are coded by."""
        return Dictionary(self.values.cast(pa.large_string()))


def dictionary(*columns: pa.Array | pa.ChunkedArray) -> Dictionary:
    """The dictionary of all values in the columns, which are of one type."""
    values = pc.unique(pa.concat_arrays([flat(column).unique() for column in columns])).drop_null()
    return Dictionary(values.take(pc.sort_indices(values)))


@dataclass(frozen=True)
class Hashing:
    """Ids in [1, num_ids) by a hash of the text that is the same in any process.

    Of the UTF-8 text: h = BLAKE2b with a digest of 8 bytes, read as a little-endian unsigned
    number; the id is 1 + h mod (num_ids - 1).
    """

    num_ids: int

    def __call__(self, column: pa.Array) -> pa.Array:
        """The int64 id of each text; 0 where it is null."""
        encoded = column.dictionary_encode()
        ids = pa.array([self._hash(text) for text in encoded.dictionary.to_pylist()], pa.int64())
        return pc.fill_null(ids.take(encoded.indices), 0)

    def _hash(self, text: str) -> int:
        whole = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
        return 1 + whole % max(self.num_ids - 1, 1)


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
