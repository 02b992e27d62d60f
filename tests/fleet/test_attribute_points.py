import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_models import made_model

from smt.errors import InputError
from smt.fleet import AttributeWeights, Fleet
from smt.fleet.attribute_points import LEAST_SPREAD, encode_attributes

CHANGES = {
    "stage": {"stage": "retrieval"},
    "inference_flops": {"inference_flops": 10_000},
    "inference_hardware": {"inference_hardware": "gpu"},
    "event": {"events": ("like",)},
    "surface": {"surface": "search"},
    "data_constraint": {"data_constraint": "none"},
}


def fleet_of(*models):
    return Fleet(
        name="made",
        models=tuple(
            made_model(f"m{place}", **{"inference_flops": 1000, **of})
            for place, of in enumerate(models)
        ),
    )


@pytest.fixture
def fleet():
    """One model, and one a change of an attribute of it."""
    return fleet_of({}, *CHANGES.values())


def test_each_attribute_has_the_same_variance_however_many_values_it_has():
    surfaces = [{"surface": name, **CHANGES["stage"]} for name in "ab"]
    points = encode_attributes(fleet_of({}, *CHANGES.values(), *surfaces))
    only = {name: AttributeWeights(**{**dict.fromkeys(CHANGES, 0.0), name: 1}) for name in CHANGES}
    for weights in only.values():
        of_one = encode_attributes(fleet_of({}, *CHANGES.values(), *surfaces), weights)
        assert of_one.var(axis=0).sum() == pytest.approx(1.0)
    assert points.var(axis=0).sum() == pytest.approx(6.0)


def test_an_attribute_counts_by_its_weight_in_squared_distances(fleet):
    values = (0.0, 1.0, 2.0, 3.5, 0.25, 4.0)
    weights = AttributeWeights(**dict(zip(CHANGES, values, strict=True)))
    alike, weighed = (
        ((points[1:] - points[0]) ** 2).sum(axis=1)
        for points in (encode_attributes(fleet), encode_attributes(fleet, weights))
    )
    np.testing.assert_allclose(weighed, alike * values)


def test_an_attribute_in_which_no_two_models_differ_moves_none():
    points = encode_attributes(
        fleet_of({"event_rates": (0.1,)}, {"event_rates": (0.1,), "surface": "search"})
    )
    moved = ((points[0] - points[1]) ** 2).sum()
    np.testing.assert_allclose(moved, 1 / np.var([0, 1]))


def test_what_hardly_differs_is_not_stretched():
    flops = [{"inference_flops": 1000 + place, "event_rates": (0.1,)} for place in range(50)]
    points = encode_attributes(fleet_of(*flops, {**flops[0], "surface": "search"}))
    assert points[:50].var(axis=0).sum() < 0.1
    # One in fifty is as far from the others as one in ten is.
    apart = np.linalg.norm(points[50] - points[0])
    assert apart == pytest.approx(1 / LEAST_SPREAD)


def test_copies_of_a_model_are_one_point(fleet):
    points = encode_attributes(fleet_of({}, {}, CHANGES["event"]))
    np.testing.assert_array_equal(points[0], points[1])


def test_events_are_what_they_are_to_learn_once_their_rates_are_counted():
    rates = [(0.5,), (0.1,), (0.1,), (0.01,), (0.1, 0.1), (0.5, 0.01)]
    names = [("a",), ("b",), ("c",), ("d",), ("b", "c"), ("a", "d")]
    fleet = fleet_of(
        *({"events": own, "event_rates": of} for own, of in zip(names, rates, strict=True))
    )
    weights = AttributeWeights(**{name: float(name == "event") for name in CHANGES})
    points = encode_attributes(fleet, weights)
    np.testing.assert_array_equal(points[1], points[2])
    logits = [np.mean([math.log2(rate / (1 - rate)) for rate in of]) for of in rates]
    counts = [math.log2(len(of)) for of in rates]
    scaled = np.stack([np.divide(column, np.std(column)) for column in (logits, counts)], axis=1)
    expected = ((scaled[:, None] - scaled[None]) ** 2).sum(axis=2) / 2
    found = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(
    order=st.permutations(range(7)),
    copies=st.integers(1, 3),
)
def test_points_depend_on_neither_the_order_of_a_fleet_nor_on_copies_of_all_of_it(order, copies):
    models = [{}, *CHANGES.values()]
    before = encode_attributes(fleet_of(*models))
    shuffled = [models[place] for place in order] * copies
    after = encode_attributes(fleet_of(*shuffled))
    distances = [
        np.linalg.norm(points[:, None] - points[None], axis=2) for points in (before, after[:7])
    ]
    np.testing.assert_allclose(distances[0][np.ix_(order, order)], distances[1], atol=1e-12)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (dict.fromkeys(CHANGES, 0.0), "all weights are zero; at least one attribute must count"),
        ({"surfaces": 2.0}, "surface"),
        ({"surface": -1.0}, "surface"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, said):
    with pytest.raises(InputError, match=f"--attribute-weights: .*{said}"):
        AttributeWeights.parse(weights, source="--attribute-weights")
