"""Labels that a column's name makes of another: `rating_at_least_4`, `behavior_is_buy`."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import plain
from smt.data.sources.numbers import numeric_column
from smt.data.sources.raw_ids import canonical, raw_ids
from smt.errors import InputError

ROW_NUMBER = "row_number"
"""A column of 0, 1, …: the place of a row among all of a log's, in the order of its files."""
AT_LEAST, IS = "_at_least_", "_is_"


def source_of(name: str, columns: Iterable[str]) -> str | None:
    """The column that a label named so is made of; None where its name does not say."""
    sources = [
        column
        for column in columns
        if column and any(name.startswith(column + test) for test in (AT_LEAST, IS))
    ]
    return max(sources, key=len, default=None)


def derive(values: pa.Array | pa.ChunkedArray, source: str, name: str, where: str) -> pa.Array:
    """The label: 1 where the column holds at least a number, or is a word; null where missing.

    Args:
        values: Of the column `source`.
        name: Of the label.
        where: File and column, which open an error.

    Raises:
        InputError: The values, or what the name compares them with, are no numbers.
    """
    column, test = plain(values, where), name[len(source) :]
    if test.startswith(IS):
        raw = raw_ids(column, None, where)
        (word,) = canonical((test.removeprefix(IS),))
        return pc.equal(raw.texts, word).take(raw.places).cast(pa.int8())
    try:
        least = pa.scalar(float(test.removeprefix(AT_LEAST)), pa.float32())
    except ValueError:
        raise InputError(f"{where}: '{name}' must end in a number, such as at_least_4") from None
    numbers = numeric_column(column, None, where)
    reached = pc.if_else(pc.is_nan(numbers), None, pc.greater_equal(numbers, least))
    return reached.cast(pa.int8())
