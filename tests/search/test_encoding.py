import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.search.encoding import MOST_STEPS, Encoding
from smt.space import check_theta, drop_inactive
from smt.template import Choice, Float, Int

MIXED = {
    "rate": Float(0.001, 0.1, log=True),
    "share": Float(-1.0, 1.0),
    "only": Choice(["this"]),
    "rank": Int(8, 128, log=True),
    "depth": Int(1, 4),
    "keep": Choice([True, False]),
    "kind": Choice(["a", 2, 0.5]),
}

CONDITIONAL = {
    "share": Float(0.0, 0.5, when={"way": ("drop", "both")}),
    "regular": Choice([True, False]),
    "way": Choice(["drop", "decay", "both"], when={"regular": True}),
    "only": Choice(["this"], when={"regular": True}),
    "steps": Int(1, 4, when={"only": "this"}),
    "decay": Choice([0.1, 0.2], when={"way": ("decay", "both")}),
    "depth": Int(1, 3),
}

finite = {"allow_nan": False, "allow_infinity": False}
scalars = st.booleans() | st.integers(-9, 9) | st.floats(-9, 9, **finite) | st.text(max_size=3)


@st.composite
def floats(draw):
    if draw(st.booleans()):
        low = draw(st.floats(1e-8, 1e3))
        return Float(low, low * draw(st.floats(1.01, 1e6)), log=True)
    low = draw(st.floats(-1e4, 1e4))
    return Float(low, low + draw(st.floats(0.01, 1e4)))


@st.composite
def ints(draw):
    log = draw(st.booleans())
    low = draw(st.integers(1, 1000) if log else st.integers(-1000, 1000))
    return Int(low, low + draw(st.integers(1, 90) | st.integers(1, 100_000)), log=log)


choices = st.lists(scalars, min_size=1, max_size=5, unique=True).map(Choice)
spaces = st.lists(floats() | ints() | choices, min_size=1, max_size=6).map(
    lambda domains: {f"h{number}": domain for number, domain in enumerate(domains)}
)


def value_of(domain, draw):
    if isinstance(domain, Choice):
        return draw(st.sampled_from(domain.values))
    kind = st.integers if isinstance(domain, Int) else st.floats
    return draw(kind(domain.low, domain.high))


def same(value, other, domain):
    if isinstance(domain, Float):
        scale = abs(other) if domain.log else domain.high - domain.low
        return abs(value - other) <= 1e-9 * scale
    return type(value) is type(other) and value == other


@settings(max_examples=100)
@given(spaces, st.data())
def test_a_point_comes_back_from_its_row_with_its_types(space, data):
    encoding = Encoding(space)
    theta = {name: value_of(domain, data.draw) for name, domain in space.items()}
    row = encoding.encode([theta])[0]
    low, high = encoding.bounds
    assert ((low <= row) & (row <= high)).all()
    found = encoding.decode(row)
    assert found.keys() == space.keys()
    for name, domain in space.items():
        assert same(found[name], theta[name], domain), (name, found, theta)


@settings(max_examples=100)
@given(spaces, st.data())
def test_any_row_near_the_bounds_decodes_into_the_space(space, data):
    encoding = Encoding(space)
    high = encoding.bounds[1].tolist()
    row = [data.draw(st.floats(-0.49, top + 0.49) | st.sampled_from([0.0, top])) for top in high]
    check_theta(encoding.decode(torch.tensor(row, dtype=torch.double)), space, "decoded")


@pytest.mark.parametrize("beyond", [-0.3, 1.3])
def test_a_row_beyond_the_bounds_decodes_to_the_edge(beyond):
    encoding = Encoding({"x": Float(0.001, 0.1, log=True), "n": Int(2, 9), "m": Int(2, 90)})
    row = torch.full((3,), beyond, dtype=torch.double)
    edge = [0.001, 2, 2] if beyond < 0 else [0.1, 9, 90]
    assert [*encoding.decode(row).values()] == edge


def test_a_row_is_decoded_to_the_nearest_whole_number_or_choice():
    encoding = Encoding({"n": Int(0, 10), "k": Choice(["a", "b", "c"])})
    for number, letter, expected in ((0.34, 1.4, (3, "b")), (0.36, 1.6, (4, "c"))):
        row = torch.tensor([number, letter], dtype=torch.double)
        assert tuple(encoding.decode(row).values()) == expected


def test_a_log_domain_is_scaled_by_its_logarithm_and_a_linear_one_by_itself():
    encoding = Encoding({"log": Float(0.01, 1.0, log=True), "linear": Float(-2.0, 2.0)})
    rows = encoding.encode([{"log": 0.1, "linear": 0.0}, {"log": 1.0, "linear": -2.0}])
    np.testing.assert_allclose(rows, [[0.5, 0.5], [1.0, 0.0]], atol=1e-12)


def test_a_choice_of_one_value_is_no_column_and_comes_back_all_the_same():
    encoding = Encoding(MIXED)
    assert [*encoding.columns] == ["rate", "share", "rank", "depth", "keep", "kind"]
    assert encoding.fixed == {"only": "this"}
    assert encoding.bounds.shape == (2, 6)
    assert all(theta["only"] == "this" for theta in encoding.sobol(3, 0))


def test_no_points_and_no_columns_make_empty_rows():
    assert Encoding(MIXED).encode([]).shape == (0, 6)
    assert Encoding({"only": Choice([3])}).encode([{"only": 3}] * 2).shape == (2, 0)
    assert Encoding({"only": Choice([3])}).decode(torch.zeros(0)) == {"only": 3}


@settings(max_examples=60)
@given(spaces)
def test_steps_choices_and_bounds_are_what_the_values_encode_to(space):
    encoding = Encoding(space)
    base = {
        name: domain.values[0] if isinstance(domain, Choice) else domain.low
        for name, domain in space.items()
    }
    for column, (name, domain) in enumerate(encoding.columns.items()):
        if isinstance(domain, Choice):
            values, listed = domain.values, encoding.choices[column]
        elif column in encoding.steps:
            values, listed = range(domain.low, domain.high + 1), encoding.steps[column]
        else:
            values, listed = (domain.low, domain.high), None
        rows = encoding.encode([{**base, name: value} for value in values])[:, column].tolist()
        assert listed is None or listed == rows
        assert rows == sorted(set(rows))
        np.testing.assert_allclose((rows[0], rows[-1]), encoding.bounds[:, column], atol=1e-12)
    assert not encoding.steps.keys() & encoding.choices.keys()


def test_an_int_has_steps_where_its_values_are_few():
    few, many = Int(0, MOST_STEPS - 1), Int(0, MOST_STEPS)
    encoding = Encoding({"few": few, "many": many, "real": Float(0.0, 1.0)})
    assert [*encoding.steps] == [0]
    assert len(encoding.steps[0]) == MOST_STEPS


def test_points_are_counted_over_what_varies():
    discrete = {name: MIXED[name] for name in ("depth", "keep", "kind", "only")}
    assert Encoding(discrete).count_points() == 4 * 2 * 3
    assert Encoding({"only": MIXED["only"]}).count_points() == 1
    assert Encoding({}).count_points() == 1
    assert Encoding({"rank": MIXED["rank"]}).count_points() == 121
    assert Encoding(MIXED).count_points() == math.inf


@settings(max_examples=30)
@given(st.integers(0, 70), st.integers(0, 70), st.integers(0, 1000))
def test_a_longer_sobol_sequence_begins_with_a_shorter(first, second, seed):
    short, long = sorted((first, second))
    encoding = Encoding(MIXED)
    whole = encoding.sobol(long, seed)
    assert len(whole) == long
    assert encoding.sobol(short, seed) == whole[:short]


@settings(max_examples=30)
@given(spaces.filter(lambda space: Encoding(space).columns), st.integers(0, 1000))
def test_sobol_points_lie_in_the_space(space, seed):
    for theta in Encoding(space).sobol(9, seed):
        check_theta(theta, space, "sobol")


def test_a_sobol_sequence_is_a_function_of_its_seed_alone():
    encoding = Encoding(MIXED)
    points = encoding.sobol(8, 5)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    assert encoding.sobol(8, 5) == points
    assert encoding.sobol(8, 6) != points


@pytest.mark.parametrize("seed", range(4))
def test_a_sobol_sequence_takes_all_ints_and_choices_about_equally_often(seed):
    space = {
        "four": Int(1, 4),
        "seven": Int(-3, 3),
        "three": Choice(["a", 2, 0.5]),
        "two": Choice([True, False]),
    }
    points = Encoding(space).sobol(64, seed)
    for name, size in (("four", 4), ("seven", 7), ("three", 3), ("two", 2)):
        counts = Counter(theta[name] for theta in points)
        assert len(counts) == size
        assert max(counts.values()) - min(counts.values()) <= 2


def test_a_sobol_sequence_spreads_a_log_domain_by_its_logarithm():
    points = Encoding(MIXED).sobol(64, 0)
    assert 31 <= sum(theta["rate"] < 0.01 for theta in points) <= 33
    assert 30 <= sum(theta["rank"] < 32 for theta in points) <= 34


@st.composite
def conditional_spaces(draw):
    """Finite; each may depend on any choices before it."""
    space = {}
    for number in range(draw(st.integers(1, 6))):
        domain = draw(st.integers(1, 3).map(lambda high: Int(0, high)) | choices)
        before = [name for name, each in space.items() if isinstance(each, Choice)]
        parents = draw(st.lists(st.sampled_from(before), max_size=2, unique=True)) if before else []
        when = {
            name: draw(st.lists(st.sampled_from(space[name].values), min_size=1, unique=True))
            for name in parents
        }
        space[f"h{number}"] = type(domain)(**{**domain.to_dict(), "when": when or None})
    return draw(st.permutations([*space.items()]).map(dict))


def all_points(space):
    """Every point of a finite space, by trying all values of everything."""
    values = [
        domain.values if isinstance(domain, Choice) else range(domain.low, domain.high + 1)
        for domain in space.values()
    ]
    whole = (dict(zip(space, each, strict=True)) for each in itertools.product(*values))
    return {frozenset(drop_inactive(theta, space).items()) for theta in whole}


@settings(max_examples=60)
@given(conditional_spaces())
def test_points_of_a_conditional_space_are_counted_once_each(space):
    assert Encoding(space).count_points() == len(all_points(space))


def test_points_of_a_conditional_space_are_infinite_where_a_real_number_is_ever_active():
    assert Encoding(CONDITIONAL).count_points() == math.inf
    few = {name: domain for name, domain in CONDITIONAL.items() if name != "share"}
    assert Encoding(few).count_points() == 3 * (1 + 4 * (1 + 2 + 2))


@settings(max_examples=60)
@given(conditional_spaces(), st.data())
def test_a_point_of_a_conditional_space_comes_back_from_its_row(space, data):
    encoding = Encoding(space)
    theta = drop_inactive({n: value_of(d, data.draw) for n, d in space.items()}, space)
    row = encoding.encode([theta])[0]
    assert encoding.decode(row) == theta
    if encoding.columns:
        assert torch.equal(encoding.settle(row), row)


@settings(max_examples=60)
@given(conditional_spaces().filter(lambda space: Encoding(space).columns), st.data())
def test_settled_rows_are_what_their_points_encode_to(space, data):
    encoding = Encoding(space)
    thetas = [{n: value_of(d, data.draw) for n, d in space.items()} for _ in range(3)]
    rows = encoding.encode(thetas)
    points = [drop_inactive(theta, space) for theta in thetas]
    assert torch.equal(encoding.settle(rows), encoding.encode(points))
    assert torch.equal(encoding.settle(rows.expand(2, 3, -1))[1], encoding.encode(points))


def test_what_is_inactive_is_in_the_middle_or_the_first_choice():
    encoding = Encoding(CONDITIONAL)
    row = encoding.encode([{"regular": False, "depth": 3}])[0]
    assert dict(zip(encoding.columns, row.tolist(), strict=True)) == {
        "share": 0.5,
        "regular": 1.0,
        "way": 0.0,
        "steps": 0.5,
        "decay": 0.0,
        "depth": 1.0,
    }
    assert encoding.decode(row) == {"regular": False, "depth": 3}


def test_sobol_points_of_a_conditional_space_lie_in_it_and_take_every_branch():
    points = Encoding(CONDITIONAL).sobol(64, 0)
    for theta in points:
        check_theta(theta, CONDITIONAL, "sobol")
    assert {theta.get("way") for theta in points} == {None, "drop", "decay", "both"}
    assert sum(theta["regular"] for theta in points) == 32


def test_corners_are_the_ends_of_ranges_with_every_choice():
    corners = list(Encoding(MIXED).corners())
    assert len(corners) == 2**4 * 2 * 3
    assert corners[0] == {
        **{"rate": 0.001, "share": -1.0, "rank": 8, "depth": 1},
        **{"keep": True, "kind": "a", "only": "this"},
    }
    for theta in corners:
        check_theta(theta, MIXED, "corners")
    assert all(
        drop_inactive(theta, CONDITIONAL) == theta for theta in Encoding(CONDITIONAL).corners()
    )
