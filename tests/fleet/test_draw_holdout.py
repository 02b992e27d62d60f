from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, Representatives, draw_holdout


def fleet_of(n, *, idle=()):
    return Fleet(
        name="made",
        models=tuple(
            made_model(f"m{number}", surface=f"s{number}", weight=0.0 if number in idle else 1.0)
            for number in range(n)
        ),
    )


def chosen_from(fleet, clusters):
    """The first model of each cluster stands for it."""
    firsts = [clusters.index(cluster) for cluster in sorted(set(clusters))]
    return Representatives(
        models=tuple(fleet.models[first] for first in firsts),
        clusters=np.array(clusters),
        distances=np.zeros(len(clusters)),
        inertias={},
        silhouettes={},
        coordinates=np.zeros((len(clusters), 2)),
    )


@given(st.lists(st.integers(0, 3), min_size=2, max_size=20), st.integers(0, 99))
def test_the_holdout_takes_clusters_in_turn_and_no_representative(clusters, seed):
    fleet = fleet_of(len(clusters))
    chosen = chosen_from(fleet, clusters)
    drawn = draw_holdout(fleet, chosen, count=None, seed=seed)
    names = [model.name for model in drawn]
    assert len(set(names)) == len(names)
    assert not {model.name for model in chosen.models} & set(names)
    assert len(drawn) == min(len(chosen.models), len(clusters) - len(chosen.models))
    per_cluster = Counter(clusters[int(name[1:])] for name in names)
    for cluster, left in Counter(clusters).items():
        if left - 1 > per_cluster[cluster]:
            assert per_cluster[cluster] >= max(per_cluster.values()) - 1
    assert drawn == draw_holdout(fleet, chosen, count=None, seed=seed)


def test_another_seed_draws_others():
    clusters = [0] * 15 + [1] * 15
    fleet = fleet_of(30)
    chosen = chosen_from(fleet, clusters)
    draws = [draw_holdout(fleet, chosen, count=2, seed=seed) for seed in range(8)]
    assert len({tuple(model.name for model in drawn) for drawn in draws}) > 4


def test_models_without_traffic_or_left_out_are_not_drawn():
    fleet = fleet_of(6, idle=(3,))
    chosen = chosen_from(fleet, [0, 0, 0, 0, 0, 1])
    drawn = draw_holdout(fleet, chosen, count=2, seed=0, left_out=["m4"])
    assert {model.name for model in drawn} == {"m1", "m2"}
    with pytest.raises(InputError, match="3 holdout models asked for; fleet 'made' has 2 models"):
        draw_holdout(fleet, chosen, count=3, seed=0, left_out=["m4"])
