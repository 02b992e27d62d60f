import numpy as np
import pytest
import torch
from scipy.stats import norm

from smt.search.aggregate import aggregate
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.methods import composite
from smt.search.state import SearchState
from smt.search.surrogate.judgement import feasibility, values_of, with_common_error
from smt.search.trial import Trial
from smt.space import Float

LINE = Encoding({"x": Float(0.0, 1.0)})


def tried(sems):
    return Trial({"x": 0.5}, [0.0] * len(sems), sems)


def test_what_does_not_scatter_is_the_error_of_a_trials_own_measurement():
    drawn = torch.zeros(4000, 2, 2, dtype=torch.double)
    trials = [tried([1.0, 2.0]), tried([None, 0.5])]
    spread = with_common_error(drawn, trials, scatter=0.75, seed=0).std(0)
    assert spread.tolist() == [
        pytest.approx([0.5, 1.0], rel=0.05),
        pytest.approx([0.0, 0.25], rel=0.05),
    ]
    assert with_common_error(drawn, trials, scatter=1.0, seed=0).equal(drawn)


def test_many_trials_beside_each_other_make_a_model_no_surer_than_one_measurement():
    """They share rows, so that all of them err alike; the second model is half an error off."""
    alpha, sem, epsilon = 0.05, 0.04, 0.0
    deltas = (0.5, -alpha + sem / 2)
    trials = [
        Trial({"x": float(x)}, deltas, (sem, sem), aggregate(deltas, alpha=alpha, epsilon=epsilon))
        for x in np.linspace(0.45, 0.55, 12)
    ]
    goal = Goal.over(2, alpha=alpha, epsilon=epsilon)
    estimates = composite.estimate(SearchState(LINE.space, goal, trials))
    for estimate in estimates:
        assert estimate.feasible_probability == pytest.approx(norm.cdf(0.5), abs=0.08)


def test_of_draws_a_theta_is_worth_mu_where_few_enough_regress():
    goal = Goal.over(3, [1, 1, 2], alpha=1.0, epsilon=0.4)
    deltas = torch.tensor([[[4.0, -2.0, 2.0]], [[4.0, -2.0, -2.0]]], dtype=torch.double)
    assert feasibility(deltas, goal).tolist() == [0.5]
    assert values_of(deltas, goal).squeeze(1).tolist() == [1.5, -torch.inf]
