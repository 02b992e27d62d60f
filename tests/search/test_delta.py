"""A delta says what it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smt.errors import InputError
from smt.search.delta import Delta

plain = st.none() | st.just(math.nan) | st.floats(allow_nan=False, allow_infinity=False)


@given(plain)
def test_a_plain_number_comes_back_as_it_was(value):
    back = Delta.of(value).plain
    assert back == value or (math.isnan(back) and math.isnan(value))


@given(plain, st.floats(0, 10))
def test_a_model_regresses_where_its_delta_is_below_alpha_or_it_failed(value, alpha):
    expected = value is not None and (math.isnan(value) or value < -alpha)
    assert Delta.of(value).regressed(alpha) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"status": "measured"},
        {"status": "measured", "value": 1.0, "reason": "x"},
        {"status": "failed"},
        {"status": "failed", "reason": "x", "value": 1.0},
        {"status": "failed", "reason": "x", "sem": 1.0},
        {"status": "not_evaluated", "value": 0.0},
        {"status": "not_evaluated", "sem": 0.0},
        {"status": "not_evaluated", "reason": "x"},
        {"status": "measured", "value": math.nan},
    ],
)
def test_impossible_states_cannot_be_written(values):
    with pytest.raises(ValidationError):
        Delta(**values)


def test_every_status_survives_json():
    for delta in (Delta.measured(0.5, 0.1), Delta.failed("no memory"), Delta.not_evaluated()):
        assert Delta.parse(delta.to_dict(), source="here") == delta


def test_an_unknown_status_is_refused_with_its_key():
    with pytest.raises(InputError, match="here: 'status'"):
        Delta.parse({"status": "lost"}, source="here")
