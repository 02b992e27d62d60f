import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from smt.data.sources.derived import Origin, derive
from smt.errors import InputError


def label(name, *files, source="b"):
    arrays = [values if isinstance(values, pa.Array) else pa.array(values) for values in files]
    origins = [
        Origin(source, values, f"{number}.csv: column '{source}'")
        for number, values in enumerate(arrays)
    ]
    return [value for part in derive(origins, name) for value in part.to_pylist()]


@pytest.mark.parametrize(
    "values",
    [
        [16_777_217, 16_777_216, 3],
        [16_777_217.0, 16_777_216.0, 3.0],
        ["16777217", "16777216", "3"],
        [Decimal(16_777_217), Decimal(16_777_216), Decimal(3)],
    ],
    ids=str,
)
def test_a_threshold_beyond_float32_is_compared_to_the_last_digit(values):
    assert label("b_at_least_16777217", values) == [1, 0, 0]


def test_integers_are_compared_as_such_beyond_float64():
    large = 2**53 + 1
    assert label(f"b_at_least_{large}", [large, large - 1]) == [1, 0]
    assert label("b_at_least_-1000", pa.array([1], pa.int8())) == [1]
    assert label("b_at_least_2.5", [2, 3]) == [0, 1]
    assert label("b_at_least_1000", pa.array([1], pa.int8())) == [0]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_a_float_reaches_the_threshold_that_is_written_like_it(kind):
    assert label("b_at_least_3.3", np.array([3.3, 3.2], kind)) == [1, 0]


@pytest.mark.parametrize("number", ["nan", "inf", "1e999", "high", "", "1_0"])
def test_what_is_no_number_is_no_threshold(number):
    message = rf"0\.csv: column 'b': 'b_at_least_{number}' must end in a number"
    with pytest.raises(InputError, match=message):
        label(f"b_at_least_{number}", [1])


@pytest.mark.parametrize("word", ["", " "])
def test_an_empty_word_is_none(word):
    with pytest.raises(InputError, match=rf"0\.csv: column 'b': 'b_is_{word}' must end in a word"):
        label(f"b_is_{word}", ["buy", ""])


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("b_is_buy", ["Buy", "pv"], "no value is 'buy', .* did you mean 'Buy'?"),
        ("b_is_bye", ["buy", "pv"], "no value is 'bye', .* did you mean 'buy'?"),
    ],
)
def test_a_label_that_is_0_in_all_rows_is_refused_where_another_word_was_meant(
    name, values, message
):
    with pytest.raises(InputError) as error:
        label(name, values[:1], values[1:])
    assert str(error.value).startswith("0.csv: column 'b': no ")
    assert f"so that '{name}' is 0 in all rows" in str(error.value)
    assert re.search(message.replace("?", r"\?") + "$", str(error.value))


@pytest.mark.parametrize("name", ["b_is_cart", "b_at_least_6"])
def test_a_label_may_be_rare(name):
    values = ["x", "y"] if name == "b_is_cart" else ["5", "4.5"]
    assert label(name, values) == [0, 0]


def test_a_word_for_no_value_is_a_word_that_is_not_the_labels():
    assert label("b_is_buy", ["none", "buy", "NA", " NULL "]) == [0, 1, 0, 0]
    assert label("b_is_none", ["none", "buy"]) == [1, 0]


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("b_is_buy", ["buy", ""], "the value ''"),
        ("b_is_buy", ["buy", None], "a value"),
        ("b_at_least_4", ["5", "none"], "the value 'none'"),
        ("b_at_least_4", [5, None], "a value"),
    ],
)
def test_what_is_missing_is_named_with_the_column_that_lacks_it(name, values, shown):
    with pytest.raises(
        InputError, match=rf"^0\.csv: column 'b': {shown} is missing, so that '{name}'"
    ):
        label(name, values)


def test_words_are_compared_as_ids_are():
    assert label("b_is_1", [1.0, 2.0]) == label("b_is_1", ["+1", "2"]) == [1, 0]
    assert label("b_is_true", [True, False]) == [1, 0]


def test_files_without_rows_have_no_labels():
    assert label("b_is_buy", pa.array([], pa.string())) == []
    assert label("b_at_least_4", pa.array([], pa.int64())) == []


def test_files_may_make_one_label_of_different_columns():
    origins = [
        Origin("b", pa.array(["x"]), "0.csv: column 'b'"),
        Origin("b_is_c", pa.array([3]), "1.csv: column 'b_is_c'"),
    ]
    assert [part.to_pylist() for part in derive(origins, "b_is_c_at_least_4")] == [[0], [0]]


@pytest.mark.parametrize("name", ["b_is_buy", "b_at_least_4"])
def test_lists_make_no_label(name):
    with pytest.raises(
        InputError, match=rf"0\.csv: column 'b': is of the type list<.*>, of which no '{name}'"
    ):
        label(name, [["buy"]])
