"""How files write that there is no value."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import is_text

NOT_A_NUMBER = ("NaN", "nan", "NAN", "-nan", "-NaN")
"""No value in any column, as NaN is in a column of floats."""

USUAL_WORDS = (
    *("NULL", "Null", "null", "(null)", "None", "none", "<NA>", "NA", "N/A", "n/a", "#N/A", "#NA"),
    *("#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "NaT", r"\N"),
)
"""No value where the schema does not say (`missing`): those of pandas, Hive and databases."""


def words_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """The texts that are no value in a column whose `missing` is given, or None."""
    return (*NOT_A_NUMBER, *(USUAL_WORDS if given is None else given))


def present(values: pa.Array, given: Sequence[str] | None) -> pa.Array:
    """The values with null for each that is missing: NaN, an empty text, or one of the words.

    A word that is a number stands for that number in a column of numbers too.

    Args:
        values: Of a plain type, no lists.
        given: The column's `missing`.
    """
    if is_text(values.type):
        texts = pc.utf8_trim_whitespace(values)
        words = pa.array(["", *words_of(given)], texts.type)
        return pc.if_else(pc.is_in(texts, words), None, texts)
    values = without_nan(values)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        for word in map(number_of, given or ()):
            if word is not None:
                values = pc.if_else(
                    pc.equal(values.cast(pa.float64(), safe=False), word), None, values
                )
    return values


def without_nan(values: pa.Array) -> pa.Array:
    """The values with null for NaN, where they are floats."""
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), None, values)
    return values


def number_of(word: str) -> float | None:
    """The number that a text is; None where it is none."""
    try:
        return float(word)
    except ValueError:
        return None
