import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import made_model

from smt.fleet import AttributeWeights
from smt.fleet.cluster_members import choose_members

WEIGHTS = AttributeWeights()


def choose(models, clusters, distances, *, weights=WEIGHTS, kinds=(), seed=0):
    places = choose_members(
        models,
        np.array(clusters),
        np.array(distances, dtype=float),
        weights=weights,
        kinds=dict(kinds),
        generator=np.random.default_rng(seed),
    )
    return [models[place].name for place in places]


def models_of(**surfaces):
    return [made_model(name, surface=surface) for name, surface in surfaces.items()]


def test_the_nearest_member_stands_for_its_cluster():
    models = models_of(a="x", b="x", c="x", d="x")
    assert choose(models, [0, 0, 1, 1], [2, 1, 1, 3]) == ["b", "c"]


@pytest.mark.parametrize("seed", range(8))
def test_of_members_as_near_those_are_taken_whose_values_no_other_has(seed):
    models = models_of(a="x", b="y", c="x", d="y", e="z", f="x")
    names = choose(models, [0, 0, 1, 1, 1, 2], [1, 1, 1, 1, 1, 0], seed=seed)
    assert sorted(names)[:2] in (["b", "e"], ["b", "d"], ["a", "d"], ["a", "e"])
    assert {model.surface for model in models if model.name in names} == {"x", "y", "z"}


def test_a_value_without_a_representative_comes_from_where_it_costs_least():
    models = models_of(a="x", b="rare", c="x", d="rare", e="x", f="x")
    # Squared: b costs 9 - 4 more than a, d costs 16 - 1 more than c.
    assert choose(models, [0, 0, 1, 1, 2, 2], [2, 3, 1, 4, 1, 2]) == ["b", "c", "e"]


def test_no_value_is_given_up_for_another():
    models = models_of(a="x", b="y", c="z")
    assert choose(models, [0, 0, 1], [1, 2, 0]) == ["a", "c"]


def test_what_a_swap_loses_is_given_by_another_cluster():
    models = models_of(a="y", b="rare", c="x", d="y", e="x")
    # The only rare model is where the only y is; y then comes from the second cluster.
    assert choose(models, [0, 0, 1, 1, 2], [0, 5, 0, 5, 0]) == ["b", "d", "e"]


def test_every_event_of_a_model_counts():
    both = made_model("both", events=("click", "buy"))
    models = [made_model("a"), both, made_model("b")]
    assert choose(models, [0, 0, 1], [1, 2, 0]) == ["both", "b"]


def test_attributes_of_no_weight_are_not_looked_at():
    models = models_of(a="x", b="rare", c="x")
    weights = WEIGHTS.model_copy(update={"surface": 0.0})
    assert choose(models, [0, 0, 1], [1, 2, 0], weights=weights) == ["a", "c"]


def test_a_kind_of_models_has_a_representative_as_a_value_has():
    models = models_of(a="x", b="x", c="x")
    kinds = {"a": "small", "b": "large", "c": "small"}
    assert choose(models, [0, 0, 1], [1, 2, 0]) == ["a", "c"]
    assert choose(models, [0, 0, 1], [1, 2, 0], kinds=kinds) == ["b", "c"]


@settings(max_examples=60)
@given(data=st.data())
def test_only_a_value_that_would_have_no_representative_takes_one_from_the_centre(data):
    size = data.draw(st.integers(1, 24))
    draw = st.lists(st.integers(0, 3), min_size=size, max_size=size)
    surfaces, distances = data.draw(draw), data.draw(draw)
    clusters = np.unique(data.draw(draw), return_inverse=True)[1]
    models = [made_model(f"m{place}", surface=str(of)) for place, of in enumerate(surfaces)]
    names = choose(models, clusters.tolist(), distances)
    assert len(names) == clusters.max() + 1
    chosen = [int(name[1:]) for name in names]
    for cluster, place in enumerate(chosen):
        members = np.flatnonzero(clusters == cluster)
        assert place in members
        if distances[place] > min(distances[member] for member in members):
            others = {surfaces[other] for other in chosen if other != place}
            assert surfaces[place] not in others
