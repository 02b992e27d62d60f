import numpy as np
import pytest
from made_models import made_model

from smt.errors import InputError
from smt.fleet import AttributeWeights, Fleet
from smt.fleet.attribute_points import encode_attributes

CHANGES = {
    "stage": {"stage": "retrieval"},
    "inference_flops": {"inference_flops": 10_000},
    "inference_hardware": {"inference_hardware": "gpu"},
    "event": {"events": ("like",)},
    "surface": {"surface": "search"},
    "data_constraint": {"data_constraint": "none"},
}


@pytest.fixture
def fleet():
    """One model, and one a change of an attribute of it."""
    base = made_model("base", inference_flops=1000)
    others = [made_model(name, **{"inference_flops": 1000, **of}) for name, of in CHANGES.items()]
    return Fleet(name="made", models=(base, *others))


def test_each_attribute_has_unit_scale(fleet):
    points = encode_attributes(fleet)
    np.testing.assert_allclose(np.linalg.norm(points[1:] - points[0], axis=1), 1.0)


def test_an_attribute_counts_by_its_weight_in_squared_distances(fleet):
    values = (0.0, 1.0, 2.0, 3.5, 0.25, 4.0)
    weights = AttributeWeights(**dict(zip(CHANGES, values, strict=True)))
    points = encode_attributes(fleet, weights)
    np.testing.assert_allclose(((points[1:] - points[0]) ** 2).sum(axis=1), values)


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
