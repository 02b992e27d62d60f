import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_models import made_model

from smt.errors import InputError
from smt.fleet import Fleet, Representatives
from smt.mmo import Trial, aggregate
from smt.mmo.confirmation import measure
from smt.mmo.goal import Goal
from smt.mmo.holdout import draw_holdout, explain_holdout, holds


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
        inertias={},
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


def held(deltas, sem=0.02, **thresholds):
    goal = Goal.over(len(deltas), **thresholds)
    outcome = aggregate(deltas)
    trials = [Trial({}, tuple(deltas), (sem,) * len(deltas), outcome)] * 2
    return measure([(0, {}, trials)], (1, 2), goal)[0], goal


@pytest.mark.parametrize(
    ("deltas", "sem", "holding", "reason"),
    [
        ([0.3] * 8, 0.02, True, r"μ = \+0.300% reaches τ = 0.05%, P\(R <= 0.1\) = 1.00"),
        ([0.03] * 8, 0.02, False, r"μ = \+0.030% is below τ = 0.05%"),
        ([0.9] * 6 + [-0.5] * 2, 0.02, False, r"R = 0.25, and R <= 0.1 has probability 0.00 only"),
        # Two fall by what noise explains.
        ([0.4] * 6 + [-0.06] * 2, 0.3, True, "reaches"),
        ([0.3] * 7 + [math.nan], 0.02, False, "it breaks m7"),
    ],
)
def test_a_technique_holds_where_its_mean_reaches_tau_and_few_surely_regress(
    deltas, sem, holding, reason
):
    found, goal = held(deltas, sem)
    assert holds(found, goal) == holding
    text = explain_holdout(found, fleet_of(8).models, goal)
    assert pytest.approx(found.aggregate.mean, nan_ok=True) == np.mean(deltas)
    assert re.search(reason, text), text
