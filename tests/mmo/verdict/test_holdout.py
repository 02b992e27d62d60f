import math
import re

import numpy as np
import pytest

from smt.mmo import Trial, aggregate
from smt.mmo.verdict.confirmation import measure
from smt.mmo.verdict.holdout import explain_holdout, holds
from smt.search.goal import Goal


def held(deltas, sem=0.02, **thresholds):
    goal = Goal.over(len(deltas), **thresholds)
    outcome = aggregate(deltas)
    trials = [Trial({}, tuple(deltas), (sem,) * len(deltas), outcome)] * 2
    names = [f"m{number}" for number in range(len(deltas))]
    return measure([(0, {}, trials)], (1, 2), goal, names)[0], goal


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
    text = explain_holdout(found, goal)
    assert found.mean == (None if math.isnan(deltas[-1]) else pytest.approx(np.mean(deltas)))
    assert re.search(reason, text), text


@pytest.mark.parametrize(
    ("delta", "holding", "reason"),
    [
        (-0.04, True, r"μ = -0.040% reaches -τ = -0.05%"),
        (-0.06, False, r"μ = -0.060% is below -τ = -0.05%"),
    ],
)
def test_a_saver_holds_where_its_mean_has_not_fallen_by_tau(delta, holding, reason):
    found, goal = held([delta] * 8, 0.03)
    assert holds(found, goal, "saving") == holding
    assert re.search(reason, explain_holdout(found, goal, "saving"))
    assert not holds(found, goal, "gain")
