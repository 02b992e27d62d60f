from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from smt.data.columns import Propensity, Weight
from smt.data.sources.arrow_types import plain
from smt.data.sources.numbers import (
    amount_column,
    code_column,
    label_column,
    numeric_column,
    positive_column,
    vector_column,
)
from smt.errors import InputError

NUMBERS = [1.5, None, -3.0, 0.001]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(NUMBERS),
        pa.array(NUMBERS, pa.float32()),
        pa.array([1.5, np.nan, -3.0, 0.001]),
        pa.array([n if n is None else Decimal(str(n)) for n in NUMBERS], pa.decimal128(20, 3)),
        pa.array(["1.5", "", "-3", "1e-3"]),
        pa.array(["+1.50", "NA", " -3.0 ", "1E-03"]),
    ],
    ids=str,
)
def test_a_number_is_one_value_however_it_is_written(values):
    column = numeric_column(plain(values, "f"), None, "f")
    assert column.type == pa.float32()
    np.testing.assert_array_equal(column.to_numpy(), np.array([1.5, np.nan, -3, 0.001], np.float32))


def test_truths_are_numbers_in_any_format():
    for values in (pa.array([True, False]), pa.array(["True", "false"]), pa.array([1, 0])):
        assert numeric_column(plain(values, "f"), None, "f").to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "inf"], r"the value inf is infinite.*\(element 2 of the column\)"),
        (["-Infinity"], "the value -inf is infinite"),
        ([float("inf")], "the value inf is infinite"),
        (["1e39"], "the value 1e.39 is too large for float32"),
        (["old"], "the value 'old' cannot be read as float"),
        (["1,234"], "the value '1,234' cannot be read as float"),
    ],
)
def test_a_value_that_is_no_finite_number_is_named(values, message):
    with pytest.raises(InputError, match=rf"^f: {message}"):
        numeric_column(plain(pa.array(values), "f"), None, "f")


def test_infinities_and_other_numbers_are_missing_where_the_schema_says():
    given = ("inf", "-inf", "-999")
    for values in (["1", "inf", "-Infinity", "-999.0"], [1, float("inf"), float("-inf"), -999]):
        column = numeric_column(plain(pa.array(values), "f"), given, "f")
        np.testing.assert_array_equal(column.to_numpy(), [1, np.nan, np.nan, np.nan])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_vector_holds_finite_numbers(value):
    with pytest.raises(InputError, match=r"is (missing|infinite)"):
        vector_column(pa.array([[1.0, value]]), 2, "f")


def test_labels_are_0_or_1_in_any_format():
    for values in (
        pa.array([0, 1]),
        pa.array([False, True]),
        pa.array([0.0, 1.0]),
        pa.array([-0.0, 1.0], pa.float16()),
        pa.array(["0", "1.0"]),
        pa.array(["false", "True"]),
        pa.array([Decimal(0), Decimal(1)]),
        pa.array([Decimal("0.00"), Decimal("1.00")]),
        *(pa.array(["0", one]) for one in ("1.00", "+1", "1.", "1e0", "01", "10E-1", " 1 ")),
        *(pa.array([zero, "1"]) for zero in ("0.00", "+0", "-0", "0.", ".0", "0e5", "00")),
    ):
        assert label_column(plain(values, "f"), "f").to_pylist() == [0, 1]
    for wrong in (
        *(pa.array([2]), pa.array([-1]), pa.array([0.5]), pa.array([2**63], pa.uint64())),
        *(pa.array([text]) for text in ("yes", "0.5", "-1", "1,0", "1 0", "inf", "0x1", "+true")),
    ):
        with pytest.raises(InputError, match="is not 0 or 1"):
            label_column(plain(wrong, "f"), "f")
    with pytest.raises(InputError, match=r"f: is of the type list<.*>, which is no label"):
        label_column(plain(pa.array([[1]]), "f"), "f")
    assert label_column(pa.nulls(0), "f").type == pa.int8()
    for missing in (pa.array([None, 1]), pa.array(["NaN"]), pa.array([float("nan")])):
        with pytest.raises(InputError, match="a value is missing"):
            label_column(plain(missing, "f"), "f")


def test_weights_and_propensities_keep_their_ranges():
    assert positive_column(pa.array([0, 2]), Weight(), "f").to_pylist() == [0, 2]
    for wrong in ([-1.0], [float("inf")]):
        with pytest.raises(InputError, match="must be not negative"):
            positive_column(pa.array(wrong), Weight(), "f")
    for wrong in ([0.0], [1.5], [1e-60]):
        with pytest.raises(InputError, match=r"must be in \(0, 1\]"):
            positive_column(pa.array(wrong), Propensity(), "f")


def test_codes_are_whole_numbers_below_their_bound():
    for values in (pa.array([1, 2]), pa.array(["1", "2.0"]), pa.array([1.0, 2.0])):
        assert code_column(plain(values, "f"), 3, "f").to_pylist() == [1, 2]
    for wrong, message in (([3], "outside"), ([0.5], "no whole number"), ([None], "missing")):
        with pytest.raises(InputError, match=message):
            code_column(pa.array(wrong, pa.float64()), 3, "f")


@pytest.mark.parametrize("values", [["0", "1.5", "+2e1"], [0, 1.5, 20], [-0.0, 1.5, 20.0]])
def test_an_amount_is_a_number_that_is_not_negative(values):
    column = amount_column(plain(pa.array(values), "f"), "f")
    assert column.type == pa.float32()
    assert column.to_pylist() == [0, 1.5, 20]
    assert not np.signbit(column.to_numpy()).any()


def test_amounts_that_are_none_are_named_and_counted():
    values = pa.array([1.0, -2.0, float("inf"), None, float("nan"), -3.0])
    with pytest.raises(InputError) as caught:
        amount_column(plain(values, "f"), "f")
    said = str(caught.value)
    assert said.startswith("f: the value -2.0 is no finite number that is not negative; of all 6")
    assert "2 are missing, 2 are negative, 1 are infinite" in said
    assert "(element 2 of the column)" in said
