import itertools

import numpy as np
import pytest
from sklearn.cluster import KMeans

from smt.errors import InputError
from smt.fleet import AttributeWeights, Fleet, ModelSpec, fleet_table, select_representatives
from smt.fleet import representatives as selection
from smt.fleet.attribute_points import encode_attributes
from smt.fleet.cluster_count import elbow, silhouettes
from smt.fleet.representatives import tried_counts


def model_of(name, **changes):
    values = {
        "stage": "ranking",
        "events": ("click",),
        "surface": "feed",
        "data_constraint": "full",
        "inference_flops": 1000,
        **changes,
    }
    return ModelSpec(name=name, log="log", features=("user",), **values)


@pytest.fixture(scope="module")
def fleet():
    combinations = itertools.product(
        ("retrieval", "pre_ranking", "ranking"), ("click", "like"), ("feed", "search", "video")
    )
    return Fleet(
        name="fleet",
        models=tuple(
            model_of(
                f"m{index}",
                stage=stage,
                events=(event,),
                surface=surface,
                inference_flops=10 ** (3 + index % 4),
            )
            for index, (stage, event, surface) in enumerate(combinations)
        ),
    )


@pytest.mark.parametrize("count", [1, 2, 5, 18])
def test_each_of_k_representatives_is_a_member_of_its_cluster_and_most_are_centre_most(
    fleet, count
):
    found = select_representatives(fleet, count=count)
    points = encode_attributes(fleet)
    assert len(found.models) == len({model.name for model in found.models}) == count
    nearest = 0
    for cluster, model in enumerate(found.models):
        members = np.flatnonzero(found.clusters == cluster)
        centre = points[members].mean(axis=0)
        distances = np.linalg.norm(points[members] - centre, axis=1)
        own = members.tolist().index(fleet.models.index(model))
        nearest += distances[own] == pytest.approx(distances.min())
    assert nearest >= count - 2


def test_every_value_of_an_attribute_has_a_representative_where_one_can_have_it(fleet):
    for seed in range(5):
        models = select_representatives(fleet, count=4, seed=seed).models
        assert {model.stage for model in models} == {"retrieval", "pre_ranking", "ranking"}
        assert {model.events[0] for model in models} == {"click", "like"}
        assert {model.surface for model in models} == {"feed", "search", "video"}


def test_the_curve_ends_at_a_cluster_for_every_other_point_but_not_below_forty():
    assert tried_counts(18) == [*range(1, 19)]
    assert tried_counts(60) == [*range(1, 41)]
    assert tried_counts(100) == [*range(1, 41), 48, 50]
    assert tried_counts(10_000) == [*range(1, 41), *range(48, 129, 8)]


def test_selection_is_deterministic(fleet):
    first, again = (select_representatives(fleet, count=6, seed=3) for _ in range(2))
    assert first.models == again.models
    np.testing.assert_array_equal(first.clusters, again.clusters)
    assert first.inertias == again.inertias


def test_without_a_count_the_elbow_of_the_inertias_decides(fleet):
    found = select_representatives(fleet)
    assert len(found.models) == elbow(found.inertias)


def test_well_separated_groups_are_found_by_the_elbow():
    groups = [("click", "feed", "cpu"), ("like", "search", "gpu"), ("buy", "video", "accelerator")]
    models = [
        model_of(
            f"{event}{index}",
            events=(event,),
            surface=surface,
            inference_hardware=hardware,
            inference_flops=1000 + index,
        )
        for event, surface, hardware in groups
        for index in range(6)
    ]
    found = select_representatives(Fleet(name="three", models=tuple(models)))
    assert sorted(model.events[0] for model in found.models) == ["buy", "click", "like"]


def test_inertias_are_those_of_k_means(fleet):
    found = select_representatives(fleet, count=2)
    points = encode_attributes(fleet)
    assert found.inertias[1] == pytest.approx(((points - points.mean(axis=0)) ** 2).sum())
    assert found.inertias[4] == pytest.approx(
        KMeans(4, n_init=4, random_state=0).fit(points).inertia_
    )
    assert found.coordinates.shape == (len(fleet.models), 2)


def test_silhouettes_are_those_of_every_k_and_distances_those_to_the_centres(fleet):
    found = select_representatives(fleet, count=3)
    points = encode_attributes(fleet)
    fits = {k: KMeans(k, n_init=4, random_state=0).fit(points) for k in range(1, 19)}
    assert found.silhouettes == silhouettes(points, {k: fit.labels_ for k, fit in fits.items()})
    assert list(found.silhouettes) == list(range(2, 18))
    np.testing.assert_allclose(found.distances, fits[3].transform(points).min(axis=1))


def test_an_attribute_of_large_weight_decides_the_clusters(fleet):
    weights = AttributeWeights(surface=100.0)
    found = select_representatives(fleet, count=3, weights=weights)
    surfaces = np.array([model.surface for model in fleet.models])
    for cluster, model in enumerate(found.models):
        assert set(surfaces[found.clusters == cluster]) == {model.surface}


def test_of_a_large_fleet_a_sample_tells_k_and_all_models_the_clusters(fleet, monkeypatch):
    monkeypatch.setattr(selection, "MAX_SAMPLED", 12)
    found = select_representatives(fleet, count=4)
    assert max(found.inertias) <= 12
    assert found.clusters.shape == (18,)
    points = encode_attributes(fleet)
    again = KMeans(4, n_init=4, random_state=0).fit(points)
    np.testing.assert_array_equal(found.clusters, again.labels_)


@pytest.mark.parametrize("count", [-1, 0, 19])
def test_a_count_out_of_range_is_refused(fleet, count):
    with pytest.raises(InputError, match=f"{count} representatives asked for; .* has 18 models"):
        select_representatives(fleet, count=count)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_what_is_no_seed_is_refused(fleet, seed):
    with pytest.raises(InputError, match=f"seed is {seed}; it is a whole number from 0 to"):
        select_representatives(fleet, seed=seed)


def test_more_than_the_distinct_models_is_refused():
    fleet = Fleet(name="twins", models=(model_of("a"), model_of("b")))
    assert len(select_representatives(fleet, count=1).models) == 1
    with pytest.raises(InputError, match="only 1 combinations of attributes"):
        select_representatives(fleet, count=2)


def test_a_fleet_of_one_model_represents_itself():
    fleet = Fleet(name="one", models=(model_of("a"),))
    chosen = select_representatives(fleet)
    assert chosen.models == fleet.models
    assert fleet_table(fleet, chosen, ()).num_rows == 1


def test_a_model_whose_flops_are_not_counted_is_named(fleet):
    models = (*fleet.models, model_of("bare", inference_flops=None))
    with pytest.raises(InputError, match="model 'bare': inference FLOPs are not counted yet"):
        select_representatives(Fleet(name="f", models=models))


def test_equal_members_are_drawn_from_and_not_always_the_first():
    models = tuple(
        model_of(f"{event}", events=(event,), inference_flops=1000) for event in "abcdefgh"
    )
    fleet = Fleet(name="f", models=models)
    names = {select_representatives(fleet, count=1, seed=s).models[0].name for s in range(12)}
    assert len(names) > 2
