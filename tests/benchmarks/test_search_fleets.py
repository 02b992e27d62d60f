import math

import numpy as np
import pytest
from search_fleets import ALPHA, EPSILON, draw_fleet, make_fleet, optimum
from search_points import decode, encode, sample, snap

from smt.search.aggregate import aggregate
from smt.space import Choice, Float, Int, check_theta

SPACE = {
    "rate": Float(1e-4, 1e-1, log=True),
    "layers": Int(1, 12),
    "units": Int(4, 256, log=True),
    "pooling": Choice(("mean", "max", "attention")),
    "gate": Choice((True, False)),
}


@pytest.fixture(params=[1, 2], scope="module")
def fleet(request):
    return make_fleet(request.param)


def test_a_theta_comes_back_from_its_point():
    for point in sample(SPACE, 5):
        theta = decode(point, SPACE)
        check_theta(theta, SPACE, "sample")
        assert decode(encode(theta, SPACE), SPACE) == pytest.approx(theta)


def test_every_value_has_a_share_of_the_unit_cube():
    corners = snap(np.array([[0.0] * 5, [1.0] * 5]), SPACE)
    assert decode(corners[0], SPACE)["layers"] == 1
    assert decode(corners[1], SPACE) == pytest.approx(
        {"rate": 0.1, "layers": 12, "units": 256, "pooling": "attention", "gate": False}
    )


def test_a_number_always_gives_the_same_fleet(fleet):
    points = sample(fleet.space, 4)
    make_fleet.cache_clear()
    assert np.array_equal(make_fleet(fleet.number).deltas_at(points), fleet.deltas_at(points))


def test_a_is_what_the_package_makes_of_the_deltas(fleet):
    for point in sample(fleet.space, 5):
        theta = decode(point, fleet.space)
        expected = aggregate(
            fleet.deltas(theta).tolist(), fleet.weights.tolist(), alpha=ALPHA, epsilon=EPSILON
        )
        assert fleet.value(theta) == pytest.approx(expected.value)


def test_half_to_nearly_all_of_the_space_is_infeasible(fleet):
    assert 0.5 <= np.isneginf(fleet.values_at(sample(fleet.space, 13))).mean() <= 0.95


def test_the_constraint_has_a_price_in_odd_fleets_alone(fleet):
    points = sample(fleet.space, 13)
    highest = fleet.values_at(points)[fleet.means_at(points).argmax()]
    assert math.isinf(highest) == bool(fleet.number % 2)


def test_nothing_sampled_is_better_than_the_optimum(fleet, tmp_path):
    theta, value = optimum(fleet, str(tmp_path))
    check_theta(theta, fleet.space, "optimum")
    assert value == fleet.value(theta) >= fleet.values_at(sample(fleet.space, 14)).max()
    assert optimum(fleet, str(tmp_path)) == (theta, value)


def test_a_measurement_does_not_depend_on_when_it_is_made(fleet):
    theta = decode(sample(fleet.space, 1)[1], fleet.space)
    forth = [fleet.evaluate(theta, model, 0) for model in fleet.models]
    back = [fleet.evaluate(theta, model, 0) for model in reversed(fleet.models)]
    assert forth == back[::-1]
    assert fleet.evaluate(theta, 0, 1) != forth[0]


def test_measurements_have_the_noise_they_report(fleet):
    theta = decode(sample(fleet.space, 1)[0], fleet.space)
    found = np.array([fleet.evaluate(theta, 3, seed) for seed in range(2000)])
    away = (found[:, 0] - fleet.deltas(theta)[3]) / found[:, 1]
    assert np.mean(away) == pytest.approx(0, abs=0.1)
    # Of a normal variable 68% are within a standard deviation; of such a heavy-tailed one, 82%.
    assert np.mean(np.abs(away) < 1) == pytest.approx(
        0.82 if fleet.heavy_tailed else 0.68, abs=0.04
    )


def test_irrelevant_hyperparameters_change_nothing():
    fleet = next(
        found
        for found in (draw_fleet(6, np.random.default_rng(seed)) for seed in range(20))
        if len(found.relevant) < len(found.space)
    )
    theta = decode(sample(fleet.space, 1)[0], fleet.space)
    other = decode(sample(fleet.space, 1)[1], fleet.space)
    ignored = {name: other[name] for name in fleet.space if name not in fleet.relevant}
    assert np.allclose(fleet.deltas({**theta, **ignored}), fleet.deltas(theta))
