"""What the values of a raw column are, over all files together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.coding import CAST_ERRORS
from smt.data.sources.arrow_types import TEXT, is_text
from smt.data.sources.missing import USUAL_WORDS, present
from smt.data.sources.raw_ids import NUMBER, raw_ids
from smt.errors import InputError

ODD_WORDS = (
    *("-", "--", "?", "unknown", "undefined", "missing", "nil", "not set", "(not set)", "n.a."),
    *("nd", "*", "."),
)
"""No values to a person, in lower case, that are so only where the schema says."""


@dataclass(frozen=True)
class RawColumn:
    """A column of all files.

    Attributes:
        parts: By file and column, which open an error: plain arrays.
        type: RecBole's (`token`, `token_seq`, `float`, `float_seq`), if the header has it.
    """

    name: str
    parts: Mapping[str, pa.Array]
    type: str | None

    @cached_property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(len(values) for values in self.parts.values())

    @cached_property
    def missing(self) -> int:
        """Rows without a value: null, empty, NaN, or a usual word."""
        return sum(present(values, None).null_count for values in self.parts.values())

    @cached_property
    def texts(self) -> pa.Array:
        """`[n]` different values as texts, a whole number without a fraction."""
        parts = [_texts(values, where) for where, values in self.parts.items()]
        return pa.concat_arrays([pa.array([], TEXT), *parts]).unique()

    @cached_property
    def odd_words(self) -> list[str]:
        """Those of the few texts among numbers that mean 'no value' to a person."""
        others = self._numbers.is_null()
        words = self.texts.filter(others)
        if len(words) == len(self.texts) or len(words) > 3:
            return []
        odd: list[str] = words.to_pylist()
        return odd if all(word.lower() in ODD_WORDS for word in odd) else []

    @cached_property
    def usual_words(self) -> list[str]:
        """The usual words for 'no value' that the column has."""
        usual = pa.array(USUAL_WORDS, TEXT)
        words = {
            word
            for values in self.parts.values()
            if is_text(values.type)
            for word in values.filter(pc.is_in(values, usual)).unique().to_pylist()
        }
        return sorted(words)

    @cached_property
    def numbers(self) -> pa.Array | None:
        """`[n]` different numbers as float64, where all but odd words are such."""
        numbers = self._numbers.drop_null()
        fits = len(numbers) and len(numbers) + len(self.odd_words) == len(self.texts)
        return numbers if fits else None

    @cached_property
    def is_whole(self) -> bool:
        """Whether all values but odd words are whole numbers."""
        whole = pc.sum(pc.match_substring_regex(self.texts, NUMBER)).as_py()
        return self.numbers is not None and len(self.numbers) == whole

    @cached_property
    def is_binary(self) -> bool:
        """Whether the values are 0 and 1."""
        return {*self.texts.slice(0, 3).to_pylist()} == {"0", "1"}

    @cached_property
    def no_ids(self) -> str | None:
        """Why the values can be no ids; None where they can."""
        for where, values in self.parts.items():
            try:
                raw_ids(values, (*USUAL_WORDS, *self.odd_words), where)
            except InputError as error:
                return str(error).removeprefix(f"{where}: ")
        return None

    @property
    def is_list(self) -> bool:
        """Whether the values of a file are lists of Arrow's."""
        return any(pa.types.is_list(values.type) for values in self.parts.values())

    @property
    def is_moment(self) -> bool:
        """Whether the values are times or dates of Arrow's."""
        return all(
            pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)
            for values in self.parts.values()
        )

    @cached_property
    def _numbers(self) -> pa.Array:
        """`[n]` the texts as float64, null for those that are no numbers."""
        looks = pc.match_substring_regex(self.texts, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        infinite = pc.match_substring_regex(self.texts, r"^[+-]?inf(inity)?$", ignore_case=True)
        numbers = pc.if_else(pc.or_(looks, infinite), pc.utf8_ltrim(self.texts, "+"), None)
        return numbers.cast(pa.float64())


def _texts(values: pa.Array, where: str) -> pa.Array:
    try:
        return raw_ids(values, None, where).texts
    except InputError:
        # Fractions, durations and other values that are no ids.
        distinct = present(values, None).unique().drop_null()
        try:
            return distinct.cast(TEXT)
        except CAST_ERRORS:
            return pa.array([str(value) for value in distinct.to_pylist()], TEXT)
