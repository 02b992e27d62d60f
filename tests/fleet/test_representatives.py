import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec, select_representatives
from smt.fleet.representatives import elbow, encode_attributes


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
def test_each_of_k_representatives_is_the_nearest_member_to_its_clusters_centre(fleet, count):
    found = select_representatives(fleet, count=count)
    points = encode_attributes(fleet)
    assert len(found.models) == len({model.name for model in found.models}) == count
    for cluster, model in enumerate(found.models):
        members = np.flatnonzero(found.clusters == cluster)
        centre = points[members].mean(axis=0)
        distances = np.linalg.norm(points[members] - centre, axis=1)
        own = members.tolist().index(fleet.models.index(model))
        assert distances[own] == pytest.approx(distances.min())


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


@pytest.mark.parametrize("count", [-1, 0, 19])
def test_a_count_out_of_range_is_refused(fleet, count):
    with pytest.raises(InputError, match=f"{count} representatives asked for; .* has 18 models"):
        select_representatives(fleet, count=count)


def test_more_than_the_distinct_models_is_refused():
    fleet = Fleet(name="twins", models=(model_of("a"), model_of("b")))
    assert len(select_representatives(fleet, count=1).models) == 1
    with pytest.raises(InputError, match="only 1 combinations of attributes"):
        select_representatives(fleet, count=2)


def test_a_fleet_of_one_model_represents_itself():
    fleet = Fleet(name="one", models=(model_of("a"),))
    assert select_representatives(fleet).models == fleet.models


def test_a_model_whose_flops_are_not_counted_is_named(fleet):
    models = (*fleet.models, model_of("bare", inference_flops=None))
    with pytest.raises(InputError, match="model 'bare': inference FLOPs are not counted yet"):
        select_representatives(Fleet(name="f", models=models))


def test_each_attribute_has_unit_scale():
    base = model_of("base")
    changes = [
        {"stage": "retrieval"},
        {"inference_flops": 10_000},
        {"inference_hardware": "gpu"},
        {"events": ("like",)},
        {"surface": "search"},
        {"data_constraint": "none"},
    ]
    models = (base, *(model_of(f"m{n}", **change) for n, change in enumerate(changes)))
    points = encode_attributes(Fleet(name="f", models=models))
    np.testing.assert_allclose(np.linalg.norm(points[1:] - points[0], axis=1), 1.0)


def test_equal_members_are_drawn_from_and_not_always_the_first():
    models = tuple(
        model_of(f"{event}", events=(event,), inference_flops=1000) for event in "abcdefgh"
    )
    fleet = Fleet(name="f", models=models)
    names = {select_representatives(fleet, count=1, seed=s).models[0].name for s in range(12)}
    assert len(names) > 2


def test_elbow_of_a_hand_made_curve():
    assert elbow({1: 100.0, 2: 40.0, 3: 10.0, 4: 8.0, 5: 6.0, 6: 5.0}) == 3
    assert elbow({1: 10.0, 2: 9.0, 3: 0.5, 4: 0.4}) == 3
    assert elbow({2: 5.0, 3: 5.0, 4: 5.0}) == 2
    assert elbow({1: 3.0, 2: 1.0}) == 1


@given(
    st.lists(st.floats(0.1, 100), min_size=3, max_size=12, unique=True),
    st.floats(0.01, 100),
    st.floats(-50, 50),
)
def test_elbow_does_not_depend_on_units(values, scale, shift):
    curve = dict(enumerate(sorted(values, reverse=True), start=1))
    xs = np.linspace(0, 1, len(curve))
    ys = np.array(list(curve.values()))
    depths = 1 - xs - (ys - ys[-1]) / (ys[0] - ys[-1])
    ordered = np.sort(depths)
    if ordered[-1] - ordered[-2] < 1e-6:
        return
    assert elbow({k: scale * value + shift for k, value in curve.items()}) == elbow(curve)
    assert elbow(curve) == int(depths.argmax()) + 1
