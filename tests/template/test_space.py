import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smt.errors import InputError
from smt.template import Choice, Float, Int
from smt.template.space import check_theta

SPACE = {"rate": Float(0.1, 2.0, log=True), "depth": Int(1, 4), "kind": Choice([True, 1.5, "a"])}
GOOD = {"rate": 1.0, "depth": 2, "kind": True}


@given(st.floats(allow_nan=True), st.floats(-10, 10), st.floats(0.001, 10))
def test_float_holds_exactly_the_closed_interval(value, low, width):
    assert Float(low, low + width).holds(value) == (low <= value <= low + width)


@given(st.integers(-20, 20))
def test_int_holds_whole_numbers_of_the_closed_interval(value):
    assert Int(-3, 7).holds(value) == (value in range(-3, 8))


@pytest.mark.parametrize("value", [1.0, True, "1", None, math.nan])
def test_int_holds_nothing_but_ints(value):
    assert not Int(0, 5).holds(value)


def test_choice_tells_true_from_one_and_one_from_one_point_zero():
    domain = Choice([True, 2])
    assert domain.holds(True)
    assert domain.holds(2)
    assert not domain.holds(1)
    assert not domain.holds(2.0)


@pytest.mark.parametrize("domain", [*SPACE.values(), Int(2, 8, log=True)])
def test_domains_round_trip_through_plain_data(domain):
    assert type(domain).parse(domain.to_dict(), source="here") == domain


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Float(1, 1), "must be below high"),
        (lambda: Float(2, 1), "must be below high"),
        (lambda: Int(3, 3), "must be below high"),
        (lambda: Float(0, 1, log=True), "log scale needs low above 0"),
        (lambda: Int(0, 4, log=True), "log scale needs low above 0"),
        (lambda: Choice([]), "at least 1 item"),
        (lambda: Choice(["a", "a"]), "choices repeat"),
        (lambda: Float(0, math.inf), "finite"),
    ],
)
def test_impossible_domains_are_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 3.0}, r"rate = 3\.0 is outside its domain, a number in \[0\.1, 2\]"),
        ({"depth": 0}, r"depth = 0 is outside its domain, a whole number in \[1, 4\]"),
        ({"kind": "b"}, r"kind = 'b' is outside its domain, one of \[True, 1\.5, 'a'\]"),
        ({"dpth": 1}, r"unknown hyperparameter 'dpth'; did you mean 'depth'\?"),
    ],
)
def test_a_point_outside_names_the_hyperparameter_and_its_domain(change, message):
    check_theta(GOOD, SPACE, "me")
    with pytest.raises(InputError, match=f"^me: {message}"):
        check_theta({**GOOD, **change}, SPACE, "me")


def test_a_missing_hyperparameter_is_named_with_its_domain():
    with pytest.raises(InputError, match=r"me: hyperparameter 'depth' is missing; it is a whole"):
        check_theta({"rate": 1.0, "kind": "a"}, SPACE, "me")
