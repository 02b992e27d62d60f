"""Ids as files write them: the distinct texts of a column, and where each stands."""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import TEXT, is_text
from smt.data.sources.missing import present
from smt.errors import InputError

WHOLE = r"^[+-]?\d+(\.0*)?$"
WHOLE_POWER = r"^[+-]?\d(\.\d+)?[eE]\+\d+$"
"""As C, R and NumPy print large whole numbers. A hash of hex digits has no plus sign."""
NUMBER = r"^-?\d+$"
EXACT = {pa.float16(): 2**11, pa.float32(): 2**24, pa.float64(): 2**53}
"""From here on a float does not tell neighbouring whole numbers apart."""


@dataclass(frozen=True)
class RawIds:
    """The ids of one file's column, or of its lists' elements.

    Attributes:
        texts: `[n]` distinct canonical texts: a whole number has no fraction, exponent or plus,
            and true is 1.
        places: `[N]` int32, the text of each value; null where it is missing.
        where: File and column, which open every error.
    """

    texts: pa.Array
    places: pa.Array
    where: str

    def without(self, words: pa.Array) -> "RawIds":
        """The same with missing values where a text is one of the words."""
        kept = pc.invert(pc.is_in(self.texts, words))
        if pc.all(kept).as_py():
            return self
        texts = self.texts.filter(kept)
        return replace(self, texts=texts, places=pc.index_in(self.texts, texts).take(self.places))

    def take(self, ids: pa.Array) -> pa.Array:
        """The int64 id of each value, given that of each text; null where it is missing."""
        return ids.take(self.places)

    def row_of(self, text: str) -> int:
        """The first row, from 1, with this text."""
        return int(pc.index(self.places, pc.index(self.texts, text)).as_py()) + 1


@cache
def canonical(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names, or words, as `RawIds` has them."""
    return tuple(_canonical(pa.array(names, TEXT), "names").to_pylist())


def raw_ids(values: pa.Array, given: tuple[str, ...] | None, where: str) -> RawIds:
    """Read a plain column of ids; what `given`, its `missing`, or the usual words name is null.

    Raises:
        InputError: A value is no id: a fraction, a time, or a float too large to be exact.
    """
    encoded = values.dictionary_encode()
    if pa.types.is_null(values.type):
        return RawIds(pa.array([], TEXT), pa.nulls(len(values), pa.int32()), where)
    # A word is the value that it is read as: 99.0 is 99, in texts and numbers alike.
    words = None if given is None else (*given, *canonical(given))
    texts = present(_texts(present(encoded.dictionary, given), where), words)
    # Different ways to write one value become one text.
    again = texts.dictionary_encode()
    places = again.indices.take(encoded.indices.cast(pa.int32()))
    return RawIds(again.dictionary.cast(TEXT), places.cast(pa.int32()), where)


def holds_numbers(raw: RawIds) -> bool:
    """Whether all that is not missing is a whole number."""
    return bool(pc.all(pc.match_substring_regex(raw.texts, NUMBER), min_count=0).as_py())


def _texts(values: pa.Array, where: str) -> pa.Array:
    kind = values.type
    if is_text(kind):
        return _canonical(values, where)
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).cast(TEXT)
    if pa.types.is_integer(kind) or pa.types.is_date(kind):
        return values.cast(TEXT)
    if pa.types.is_decimal(kind):
        return _whole_decimals(values, where)
    if pa.types.is_floating(kind):
        return _whole_floats(values, where)
    raise InputError(f"{where}: is of the type {kind}, which is no id; write it as text")


def _canonical(texts: pa.Array, where: str) -> pa.Array:
    whole = pc.match_substring_regex(texts, WHOLE)
    stripped = pc.replace_substring_regex(texts, r"^\+|\.0*$", "")
    stripped = pc.replace_substring_regex(stripped, r"^-(0+)$", r"\1")
    truth = pc.index_in(pc.utf8_lower(texts), pa.array(["false", "true"], TEXT))
    texts = pc.if_else(whole, stripped, texts)
    texts = pc.if_else(pc.is_valid(truth), truth.cast(TEXT), texts)
    power = pc.match_substring_regex(texts, WHOLE_POWER)
    if not pc.any(power).as_py():
        return texts
    powers = [_power(text, where) for text in texts.filter(power).to_pylist()]
    return pc.replace_with_mask(texts, pc.fill_null(power, False), pa.array(powers, TEXT))


def _power(text: str, where: str) -> str:
    # Looked at before it is worked out: 1e+3000000 has as many digits.
    if len(text[text.rindex("+") + 1 :].lstrip("0")) > 2:
        raise _inexact(text, where)
    value = Decimal(text)
    if value != int(value):
        return text
    if abs(value) >= EXACT[pa.float64()]:
        raise _inexact(text, where)
    return str(int(value))


def _whole_decimals(values: pa.Array, where: str) -> pa.Array:
    texts = _canonical(values.cast(TEXT), where)
    names = texts.filter(pc.invert(pc.match_substring_regex(texts, NUMBER)))
    if len(names):
        raise _fraction(names[0], where)
    return texts


def _whole_floats(values: pa.Array, where: str) -> pa.Array:
    exact = EXACT[values.type]
    # Arrow rounds no float16.
    values = values.cast(pa.float32()) if pa.types.is_float16(values.type) else values
    fraction = pc.fill_null(pc.not_equal(pc.floor(values), values), False)
    infinite = pc.fill_null(pc.is_inf(values), False)
    for wrong in (fraction, infinite):
        if pc.any(wrong).as_py():
            raise _fraction(values.filter(wrong)[0], where)
    large = pc.fill_null(pc.greater_equal(pc.abs(values), exact), False)
    if pc.any(large).as_py():
        raise _inexact(str(values.filter(large)[0]), where)
    return values.cast(pa.int64()).cast(TEXT)


def _fraction(value: pa.Scalar, where: str) -> InputError:
    return InputError(
        f"{where}: the value {value} is no whole number, so it is no id; write it as text if it is "
        "a name"
    )


def _inexact(value: str, where: str) -> InputError:
    return InputError(
        f"{where}: the id {value} is a float too large to be exact, so that different ids may have "
        "become one; write ids as whole numbers or texts (pandas: dtype='Int64')"
    )
