import numpy as np
import pytest
from made_models import made_model

from smt.fleet import Fleet, measure_stability, select_representatives
from smt.fleet.attribute_points import encode_attributes
from smt.fleet.representatives import fit_clusters


def fleet_of(flops, surfaces=("feed",)):
    models = tuple(
        made_model(f"{surface}{place}", surface=surface, inference_flops=value)
        for surface in surfaces
        for place, value in enumerate(flops)
    )
    return Fleet(name="made", models=models)


def test_the_middle_of_groups_that_lie_apart_comes_out_again_and_again():
    groups = [10**power for power in (3, 5, 7) for _ in range(8)]
    fleet = fleet_of(groups, surfaces=("feed", "search"))
    found = measure_stability(fleet, select_representatives(fleet, count=6), resamples=20)
    assert found.resamples == 20
    np.testing.assert_allclose(found.members, 1.0)
    np.testing.assert_allclose(found.clusters, 1.0)


def test_clusters_of_a_fleet_without_groups_fall_apart():
    generator = np.random.default_rng(0)
    fleet = fleet_of((10 ** generator.uniform(3, 7, size=40)).astype(int).tolist())
    found = measure_stability(fleet, select_representatives(fleet, count=8), resamples=20)
    assert found.clusters.max() < 1
    assert found.members.mean() < 0.5


def test_figures_are_those_of_a_literal_bootstrap():
    generator = np.random.default_rng(1)
    fleet = fleet_of((10 ** generator.uniform(3, 7, size=20)).astype(int).tolist(), ("a", "b"))
    chosen = select_representatives(fleet, count=5)
    found = measure_stability(fleet, chosen, resamples=8, seed=3)
    points = encode_attributes(fleet)
    names = [model.name for model in fleet.models]
    draws = np.random.default_rng(3)
    again, alike = np.zeros(5), np.zeros(5)
    for resample in range(8):
        drawn = draws.integers(40, size=40)
        centres = fit_clusters(points[drawn], 5, 3 + resample).cluster_centers_
        own = [int(np.linalg.norm(centres - point, axis=1).argmin()) for point in points]
        for cluster, model in enumerate(chosen.models):
            place = names.index(model.name)
            members = {n for n in range(40) if own[n] == own[place]}
            reach = {n: np.linalg.norm(points[n] - centres[own[place]]) for n in members}
            again[cluster] += reach[place] <= min(reach.values()) + 1e-9
            before = set(np.flatnonzero(chosen.clusters == cluster).tolist())
            there = [{n for n in range(40) if own[n] == other} for other in range(5)]
            alike[cluster] += max(len(before & each) / len(before | each) for each in there)
    assert found.members.tolist() == pytest.approx(again / 8)
    assert found.clusters.tolist() == pytest.approx(alike / 8)


def test_as_many_clusters_as_models_survive_resamples_that_miss_some():
    fleet = fleet_of([10, 100, 1000])
    found = measure_stability(fleet, select_representatives(fleet, count=3), resamples=10)
    assert 0 < found.members.mean() < 1
