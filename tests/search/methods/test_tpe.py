import math
import random
import sys

import numpy as np
import pytest

from smt.errors import InputError
from smt.mmo import optimize
from smt.search.aggregate import Aggregate, aggregate
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.methods import tpe
from smt.search.methods.catalogue import check_method
from smt.search.propose import propose
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.space import check_theta
from smt.template import Choice, Float, Int

MIXED = {
    "rate": Float(0.001, 0.1, log=True),
    "share": Float(-1.0, 1.0),
    "rank": Int(8, 128, log=True),
    "depth": Int(1, 4),
    "keep": Choice([True, False]),
    "kind": Choice(["a", 2, 0.5]),
    "only": Choice(["this"]),
}
LINE = Encoding({"x": Float(0.0, 1.0)})
GOAL = Goal.over(2)


def trial_of(theta, deltas):
    return Trial(theta, tuple(deltas), (None,) * len(deltas), aggregate(deltas))


def rejected(theta, delta):
    return Trial(theta, (delta, None), (None, None), Aggregate(math.nan, 0.5, -math.inf))


def ask(encoding, trials=(), pending=(), seed=0, goal=GOAL):
    state = SearchState(encoding.space, goal, tuple(trials), tuple(pending), seed=seed)
    return tpe.propose(state).theta


def proposals(trials, count=12):
    return np.array([ask(LINE, trials, seed=seed)["x"] for seed in range(count)])


@pytest.fixture(scope="module")
def searched():
    encoding, trials = Encoding(MIXED), []
    for _ in range(16):
        theta = ask(encoding, trials)
        trials.append(trial_of(theta, [theta["share"], 0.1 * theta["depth"]]))
    return trials


def test_proposals_lie_in_a_mixed_space_and_keep_its_types(searched):
    for trial in searched:
        check_theta(trial.theta, MIXED, "proposal")
        assert trial.theta["only"] == "this"
    assert len({str(trial.theta) for trial in searched}) == len(searched)


@pytest.mark.parametrize("count", [0, 4, 12, 15])
def test_a_proposal_is_a_pure_function_of_its_arguments(searched, count):
    before = list(searched)
    random.seed(count)
    np.random.seed(count)
    assert ask(Encoding(MIXED), searched[:count]) == searched[count].theta
    assert searched == before


@pytest.mark.parametrize("count", [0, 15])
def test_another_seed_makes_another_proposal(searched, count):
    assert ask(Encoding(MIXED), searched[:count], seed=50) != searched[count].theta


def test_a_proposal_depends_on_what_was_found(searched):
    upside_down = [trial_of(t.theta, [-delta for delta in t.deltas]) for t in searched[:15]]
    assert ask(Encoding(MIXED), upside_down) != searched[15].theta


def test_proposals_gather_where_the_mean_is_large():
    trials = [trial_of({"x": x}, [1 - (x - 0.8) ** 2] * 2) for x in np.linspace(0, 1, 21)]
    assert abs(np.median(proposals(trials)) - 0.8) < 0.15


def test_proposals_avoid_what_is_infeasible_however_large_its_mean():
    trials = [
        trial_of({"x": x}, [9.0, -1.0] if x > 0.5 else [0.2 + x, 0.2])
        for x in np.linspace(0, 1, 21)
    ]
    assert {trial.aggregate.feasible for trial in trials} == {True, False}
    assert (proposals(trials) < 0.5).mean() > 0.7


def test_proposals_avoid_where_trials_were_stopped_early_or_failed():
    for bad in (lambda theta: rejected(theta, -1.0), lambda theta: trial_of(theta, [math.nan] * 2)):
        trials = [
            bad({"x": x}) if x > 0.5 else trial_of({"x": x}, [0.1, 0.1])
            for x in np.linspace(0, 1, 21)
        ]
        assert (proposals(trials) < 0.5).mean() > 0.7


def test_proposals_avoid_where_a_model_fails_though_so_many_may_regress():
    goal = Goal.over(10, epsilon=0.1)
    trials = []
    for x in np.linspace(0, 1, 21):
        deltas = (math.nan if x > 0.5 else x, *[x] * 9)
        trials.append(Trial({"x": x}, deltas, (None,) * 10, aggregate(deltas, epsilon=0.1)))
    assert all(trial.aggregate.feasible == (trial.theta["x"] <= 0.5) for trial in trials)
    found = np.array([ask(LINE, trials, seed=seed, goal=goal)["x"] for seed in range(12)])
    assert (found < 0.55).mean() > 0.7


def test_with_nothing_feasible_proposals_go_where_fewer_models_regress():
    def deltas(x):
        return [-1.0 if model > 10 * x else 1.0 for model in range(10)]

    goal = Goal.over(10, epsilon=0.0)
    trials = []
    for x in np.linspace(0, 0.85, 18):
        outcome = aggregate(deltas(x), epsilon=0.0)
        trials.append(Trial({"x": x}, tuple(deltas(x)), (None,) * 10, outcome))
    assert not any(trial.aggregate.feasible for trial in trials)
    found = [ask(LINE, trials, seed=seed, goal=goal)["x"] for seed in range(12)]
    assert np.median(found) > 0.65


def test_a_pending_point_is_not_proposed_again(searched):
    first = ask(Encoding(MIXED), searched)
    second = ask(Encoding(MIXED), searched, [first])
    check_theta(second, MIXED, "proposal")
    assert second != first


def test_what_is_tried_or_pending_is_left_out_until_the_space_is_exhausted():
    space = {"a": Choice([True, False]), "b": Int(1, 3)}
    trials, pending = [], []
    for _ in range(6):
        proposal = propose(SearchState(space, GOAL, trials, pending), "tpe")
        check_theta(proposal.theta, space, "proposal")
        assert proposal.theta not in [*pending, *(trial.theta for trial in trials)]
        pending.append(proposal.theta)
        if len(pending) == 2:
            trials.append(trial_of(pending.pop(0), [1.0, 1.0]))
    assert propose(SearchState(space, GOAL, trials, pending), "tpe") is None


def test_a_search_comes_near_a_constrained_optimum():
    def evaluate(theta, model):
        return -1.0 if model == 1 and theta["x"] > 0.7 else theta["x"]

    found = optimize(LINE.space, evaluate, models=(0, 1), trials=24, method="tpe")
    assert 0.55 < found.best_theta["x"] <= 0.7
    assert found.best_theta == found.paper_theta
    assert found.estimate is None


def test_a_hyperparameter_is_learned_from_the_trials_in_which_it_is_active():
    space = {"gate": Choice([True, False]), "x": Float(0.0, 1.0, when={"gate": True})}
    trials = [trial_of({"gate": False}, [-0.04] * 2)] * 9 + [
        trial_of({"gate": True, "x": x}, [1 - (x - 0.8) ** 2] * 2) for x in np.linspace(0, 1, 21)
    ]
    found = [ask(Encoding(space), trials, seed=seed) for seed in range(12)]
    assert all(("x" in theta) == theta["gate"] for theta in found)
    assert abs(np.median([theta["x"] for theta in found if theta["gate"]]) - 0.8) < 0.15


@pytest.fixture
def without_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)


@pytest.mark.usefixtures("without_optuna")
def test_a_missing_optuna_is_named_before_anything_is_evaluated():
    def evaluate(theta, model):
        raise AssertionError("evaluated")

    message = "method 'tpe' needs Optuna, which is not installed; install it by .* or choose"
    with pytest.raises(InputError, match=message):
        check_method("tpe")
    with pytest.raises(InputError, match=message):
        optimize(LINE.space, evaluate, models=(0,), trials=1, method="tpe")


@pytest.mark.usefixtures("without_optuna")
def test_the_other_methods_need_no_optuna():
    for method in ("composite", "ax", "sobol"):
        check_method(method)
    found = optimize(LINE.space, lambda theta, model: 1.0, models=(0,), trials=1)
    assert found.best.value == 1.0
