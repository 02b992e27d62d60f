"""Labels that a column's name makes of another: `rating_at_least_4`, `behavior_is_buy`."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import plain
from smt.data.sources.narrow_floats import as_meant
from smt.data.sources.numbers import NUMBER, finite_numbers, refuse
from smt.data.sources.raw_ids import canonical, raw_ids
from smt.errors import InputError

ROW_NUMBER = "row_number"
"""A column of 0, 1, …: the place of a row among all of a log's, in the order of its files."""
AT_LEAST, IS = "_at_least_", "_is_"
MANY, SHOWN = 1000, 40
"""Words among which a near one is sought, and their characters in an error."""


@dataclass(frozen=True)
class Origin:
    """What one file's label is made of.

    Attributes:
        source: The column of the file.
        where: File and column, which open an error.
    """

    source: str
    values: pa.Array | pa.ChunkedArray
    where: str


def source_of(name: str, columns: Iterable[str]) -> str | None:
    """The column that a label named so is made of; None where its name does not say."""
    sources = [
        column
        for column in columns
        if column and any(name.startswith(column + test) for test in (AT_LEAST, IS))
    ]
    return max(sources, key=len, default=None)


def derive(origins: Sequence[Origin], name: str) -> list[pa.Array]:
    """The label in each file: 1 where the column holds at least a number, or is a word, else 0.

    A word such as none, which is no value in other columns, is a word like others here.

    Args:
        origins: Of all files that have no column called so.
        name: Of the label.

    Raises:
        InputError: A value is missing or, where it is compared with one, no number; the name
            does not end in a word or a number; or no value is its word, but one is near.
    """
    labels = []
    words: list[tuple[Origin, pa.Array]] = []
    for origin in origins:
        column, test = plain(origin.values, origin.where), name[len(origin.source) :]
        if pa.types.is_nested(column.type):
            raise InputError(
                f"{origin.where}: is of the type {column.type}, of which no '{name}' is made"
            )
        if test.startswith(IS):
            label, different = _is(column, test.removeprefix(IS), name, origin.where)
            words.append((origin, different))
        else:
            label = _at_least(column, test.removeprefix(AT_LEAST), name, origin.where)
        labels.append(label)
    if not any(pc.max(label).as_py() for label in labels):
        _refuse_near_words(words, name)
    return labels


def _is(values: pa.Array, word: str, name: str, where: str) -> tuple[pa.Array, pa.Array]:
    """The label, and the different words of the column."""
    if not word.strip():
        raise InputError(f"{where}: '{name}' must end in a word, such as is_buy")
    raw = raw_ids(values, (), where)
    _refuse_missing(values, pc.is_null(raw.places), name, where)
    (same,) = canonical((word.strip(),))
    return pc.equal(raw.texts, same).take(raw.places).cast(pa.int8()), raw.texts


def _at_least(values: pa.Array, number: str, name: str, where: str) -> pa.Array:
    if not re.fullmatch(NUMBER, number) or math.isinf(float(number)):
        raise InputError(f"{where}: '{name}' must end in a number, such as at_least_4")
    if pa.types.is_integer(values.type):
        numbers, label = values, _whole_at_least(values, number)
    else:
        numbers = finite_numbers(as_meant(values), None, where)
        label = pc.greater_equal(numbers, float(number))
    _refuse_missing(values, pc.is_null(numbers), name, where)
    return label.cast(pa.int8())


def _whole_at_least(values: pa.Array, number: str) -> pa.Array:
    """Integers compared as such, as a float has not all their digits."""
    least = int(Decimal(number).to_integral_value(ROUND_CEILING))
    try:
        return pc.greater_equal(values, pa.scalar(least, values.type))
    except (OverflowError, pa.ArrowInvalid):
        return pa.repeat(least < 0, len(values))


def _refuse_missing(values: pa.Array, missing: pa.Array, name: str, where: str) -> None:
    refuse(values, missing, f"is missing, so that '{name}' is not known: remove such rows", where)


def _refuse_near_words(words: Sequence[tuple[Origin, pa.Array]], name: str) -> None:
    """Raise `InputError` where a label's word is nowhere, and a column holds one near it."""
    for source in dict.fromkeys(origin.source for origin, _ in words):
        where = next(origin.where for origin, _ in words if origin.source == source)
        word = name.removeprefix(source + IS)
        own = [different for origin, different in words if origin.source == source]
        texts = pa.concat_arrays(own).unique().slice(0, MANY).to_pylist()
        near = [text for text in texts if text.casefold() == word.strip().casefold()]
        near = near or get_close_matches(word, texts)
        if near:
            shown = ", ".join(f"{text[:SHOWN]!r}" for text in near)
            raise InputError(
                f"{where}: no value is '{word}', so that '{name}' is 0 in all rows; did you mean "
                f"{shown}?"
            )
