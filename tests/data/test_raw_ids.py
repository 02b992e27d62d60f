from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.arrow_types import TEXT, plain
from smt.data.sources.missing import USUAL_WORDS
from smt.data.sources.raw_ids import holds_numbers, raw_ids
from smt.errors import InputError


def texts_of(values, given=None):
    raw = raw_ids(plain(values, "f"), given, "f: column 'x'")
    return raw.texts.take(raw.places).to_pylist()


WRITTEN = [1, None, 40, 1]
AS_TEXTS = ["1", None, "40", "1"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(WRITTEN),
        pa.array(WRITTEN, pa.uint8()),
        pa.array(WRITTEN, pa.float64()),
        pa.array(WRITTEN, pa.float32()),
        pa.array(np.array([1, np.nan, 40, 1])),
        pa.array([value and Decimal(value) for value in WRITTEN], pa.decimal128(20, 0)),
        pa.array([value and Decimal(value) for value in WRITTEN], pa.decimal128(20, 2)),
        pa.array(AS_TEXTS),
        pa.array(AS_TEXTS).dictionary_encode(),
        pa.array(WRITTEN).dictionary_encode(),
        pa.array(["1.0", "", "40.0", "1."]),
        pa.array(["+1", r"\N", " 40 ", "1"]),
        pa.array(["1", "NaN", "4e+01", "1e+00"]),
    ],
    ids=str,
)
def test_a_whole_number_is_one_text_however_it_is_written(values):
    assert texts_of(values) == AS_TEXTS


@given(st.lists(st.none() | st.integers(0, 2**53 - 1)))
def test_numbers_are_the_same_ids_in_every_type(numbers):
    expected = [None if number is None else str(number) for number in numbers]
    for kind in (pa.int64(), pa.float64(), pa.decimal128(20, 0)):
        cast = [None if number is None else Decimal(number) for number in numbers]
        values = pa.array(cast if pa.types.is_decimal(kind) else numbers, kind)
        assert texts_of(values) == expected
    assert texts_of(pa.array([repr(float(n)) for n in numbers if n is not None and n < 1e15])) == [
        str(n) for n in numbers if n is not None and n < 1e15
    ]


def test_names_stay_as_they_are_but_for_blanks_around_them():
    names = ["Rome", " Oslo ", "007", "12e4", "2.50", "a b", "1.0.0"]
    assert texts_of(pa.array(names)) == [name.strip() for name in names]


def test_a_plus_before_a_power_is_no_part_of_its_exponent():
    assert texts_of(pa.array(["+1e+02", "1e+0002", "-2e+01"])) == ["100", "100", "-20"]


def test_truths_are_0_and_1():
    assert texts_of(pa.array([True, False, None])) == ["1", "0", None]
    assert texts_of(pa.array(["True", "FALSE", ""])) == ["1", "0", None]


def test_the_usual_words_are_missing_unless_the_column_says_its_own():
    words = pa.array([*USUAL_WORDS, "", "nan"])
    assert set(texts_of(words)) == {None}
    assert texts_of(pa.array(["NA", "-1", "-1.0", "?", "", "NaN"]), ("-1", "?")) == [
        *("NA", None, None, None, None, None),
    ]
    assert texts_of(pa.array([-1, 3]), ("-1",)) == [None, "3"]
    assert texts_of(pa.array([-1.0, 3.0]), ("-1",)) == [None, "3"]


@pytest.mark.parametrize("word", ["99", "99.0", "+99", "9.9e+01"])
def test_a_word_that_is_a_number_is_that_number_in_texts_and_numbers(word):
    for values in (["99", "2"], [99, 2], [99.0, 2.0], ["99.0", "2.0"]):
        assert texts_of(pa.array(values), (word,)) == [None, "2"]


def test_false_is_missing_where_the_schema_says_so_in_texts_and_truths():
    for values in (["false", "true"], [False, True]):
        assert texts_of(pa.array(values), ("false",)) == [None, "1"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([1.5]), "the value 1.5 is no whole number"),
        (pa.array([Decimal("1.50")]), "the value 1.50 is no whole number"),
        (pa.array([float("inf")]), "the value inf is no whole number"),
        (pa.array([2.0**53]), "the id 9007199254740992.0 is a float too large to be exact"),
        (pa.array([2.0**24], pa.float32()), "too large to be exact"),
        (pa.array(["7.205759403792794e+18"]), "too large to be exact"),
        (pa.array(["1e+3000000"]), "the id 1e\\+3000000 is a float too large to be exact"),
        (pa.array([0], pa.timestamp("ms")), r"is of the type timestamp\[ms\], which is no id"),
    ],
    ids=str,
)
def test_what_is_no_id_is_refused_by_name(values, message):
    with pytest.raises(InputError, match=rf"^f: column 'x': .*{message}"):
        texts_of(values)


def test_64_bit_numbers_keep_all_their_digits():
    assert texts_of(pa.array([2**64 - 1], pa.uint64())) == [str(2**64 - 1)]
    assert texts_of(pa.array([-(2**63)])) == [str(-(2**63))]


def test_words_can_be_taken_out_later():
    raw = raw_ids(pa.array(["a", "b", "a", None], TEXT), (), "f")
    without = raw.without(pa.array(["a"], TEXT))
    assert without.texts.to_pylist() == ["b"]
    assert without.places.to_pylist() == [None, 0, None, None]
    assert raw.without(pa.array(["c"], TEXT)) is raw


def test_the_row_of_a_text_is_the_first():
    raw = raw_ids(pa.array([None, "b", "a", "b"], TEXT), (), "f")
    assert (raw.row_of("b"), raw.row_of("a")) == (2, 3)


def test_an_empty_column_holds_numbers():
    assert holds_numbers(raw_ids(pa.nulls(2), None, "f"))
    assert not holds_numbers(raw_ids(pa.array(["x"], TEXT), None, "f"))


def test_a_float16_is_an_id_up_to_where_it_rounds():
    assert texts_of(pa.array([1.0, 2047.0, None], pa.float16())) == ["1", "2047", None]
    with pytest.raises(InputError, match=r"the id 2048\.0 is a float too large to be exact"):
        texts_of(pa.array([2048.0], pa.float16()))
