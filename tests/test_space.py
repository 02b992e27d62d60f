import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smt.errors import InputError
from smt.space import check_space, check_theta, drop_inactive
from smt.template import Choice, Float, Int

SPACE = {"rate": Float(0.1, 2.0, log=True), "depth": Int(1, 4), "kind": Choice([True, 1.5, "a"])}
GOOD = {"rate": 1.0, "depth": 2, "kind": True}
NESTED = {
    "share": Float(0.0, 0.5, when={"way": ("drop", "both")}),
    "regular": Choice([True, False]),
    "way": Choice(["drop", "decay", "both"], when={"regular": True}),
    "decay": Float(1e-4, 1.0, log=True, when={"way": ["decay", "both"]}),
    "depth": Int(1, 4),
}


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


@pytest.mark.parametrize("domain", [*SPACE.values(), Int(2, 8, log=True)])
def test_plain_data_of_a_domain_without_condition_do_not_mention_conditions(domain):
    assert "when" not in domain.to_dict()
    assert type(domain)(**domain.to_dict()).digest() == domain.digest()


@pytest.mark.parametrize("domain", [domain for domain in NESTED.values() if domain.when])
def test_domains_with_a_condition_round_trip_through_json(domain):
    plain = json.loads(json.dumps(domain.to_dict()))
    assert type(domain).parse(plain, source="here") == domain


def test_a_single_value_of_a_condition_is_a_tuple_of_one():
    assert Int(1, 4, when={"deep": True}) == Int(1, 4, when={"deep": (True,)})
    assert Int(1, 4, when={"deep": True}).digest() != Int(1, 4, when={"deep": 1}).digest()
    assert Choice("ab", when={"deep": "yes"}).to_dict()["when"] == {"deep": ["yes"]}


@pytest.mark.parametrize("when", [{}, {"deep": ()}, {"deep": None}, "deep"])
def test_a_condition_without_a_choice_or_a_value_is_refused(when):
    with pytest.raises(ValidationError):
        Float(0.0, 1.0, when=when)


@pytest.mark.parametrize(
    "theta",
    [
        {"regular": False, "depth": 1},
        {"regular": True, "way": "drop", "share": 0.1, "depth": 1},
        {"share": 0.1, "depth": 1, "decay": 0.5, "way": "both", "regular": True},
    ],
)
def test_a_point_has_the_active_hyperparameters_alone(theta):
    check_theta(theta, NESTED, "me")
    whole = {"regular": True, "way": "both", "share": 0.1, "decay": 0.5, "depth": 1, **theta}
    assert drop_inactive(whole, NESTED) == theta


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        (
            {"regular": True, "way": "drop", "share": 0.1, "decay": 0.1, "depth": 1},
            "hyperparameter 'decay' is not active here, so leave it out; it is active where way "
            "is 'decay' or 'both'",
        ),
        (
            {"regular": False, "way": "drop", "share": 0.1, "depth": 1},
            "hyperparameter 'way' is not active here, so leave it out; it is active where "
            "regular is True",
        ),
        ({"regular": True, "way": "drop", "depth": 1}, "hyperparameter 'share' is missing"),
        ({"regular": True, "share": 0.1, "depth": 1}, "hyperparameter 'way' is missing"),
        ({"regular": 1, "depth": 1}, "regular = 1 is outside its domain, one of [True, False]"),
        (
            {"regular": True, "way": "drop", "share": 0.6, "depth": 1},
            "share = 0.6 is outside its domain, a number in [0, 0.5]",
        ),
    ],
)
def test_a_point_of_a_conditional_space_is_refused_for_what_is_inactive_or_missing(theta, message):
    with pytest.raises(InputError, match=f"^me: {re.escape(message)}"):
        check_theta(theta, NESTED, "me")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x": Int(1, 2, when={"wy": "drop"})},
            "'x' depends on 'wy', which is not in its space; did you mean 'way'?",
        ),
        (
            {"x": Int(1, 2, when={"depth": 1})},
            "'x' depends on 'depth', which is a whole number in [1, 4]; a condition must name a "
            "Choice",
        ),
        (
            {"x": Int(1, 2, when={"regular": 1})},
            "'x' depends on regular = 1, which is not one of [True, False]",
        ),
        ({"x": Choice("ab", when={"x": "a"})}, "depend on each other in a circle (x -> x)"),
        (
            {"x": Choice("ab", when={"y": "a"}), "y": Choice("ab", when={"x": "a"})},
            "a condition must name a choice that can be made before",
        ),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused_with_what_would_be_right(changes, message):
    check_space(NESTED, "me")
    with pytest.raises(InputError, match=f"^me: hyperparameters?.*{re.escape(message)}"):
        check_space({**NESTED, **changes}, "me")
