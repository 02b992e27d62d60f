"""Searches over spaces where some θ may not be tried."""

import math

import pytest

from smt.mmo import optimize
from smt.search.goal import Goal
from smt.search.methods.catalogue import METHODS
from smt.search.propose import ATTEMPTS, propose
from smt.search.refused import best_allowed
from smt.search.state import SearchState
from smt.search.trial import Proposal, Trial
from smt.template import Choice, Float, Int

SPACE = {"width": Float(0.0, 1.0), "rate": Float(0.01, 1.0, log=True)}
MODELS = tuple(range(4))
EDGE = 0.6


def wider_is_better(theta, model):
    return theta["width"] - (math.log10(theta["rate"]) + 1) ** 2, 0.01


def too_wide(theta):
    return f"width {theta['width']:.3f} is too much" if theta["width"] > EDGE else None


@pytest.mark.parametrize("method", METHODS)
def test_no_refused_theta_is_evaluated(method):
    search = optimize(
        SPACE, wider_is_better, models=MODELS, trials=10, method=method, refusal=too_wide, seed=1
    )
    assert len(search.trials) == 10
    assert all(trial.theta["width"] <= EDGE for trial in search.trials)
    again = optimize(
        SPACE, wider_is_better, models=MODELS, trials=10, method=method, refusal=too_wide, seed=1
    )
    assert again.trials == search.trials


def test_the_search_comes_to_the_edge_of_what_is_allowed():
    best = optimize(SPACE, wider_is_better, models=MODELS, trials=12, refusal=too_wide)
    assert best.best_theta["width"] > EDGE - 0.05


def test_a_search_that_nothing_refuses_is_what_it_was():
    plain, allowed = (
        optimize(SPACE, wider_is_better, models=MODELS, trials=9, refusal=refusal)
        for refusal in (None, lambda theta: None)
    )
    assert allowed == plain


@pytest.mark.parametrize("method", METHODS)
def test_where_every_theta_is_refused_the_search_says_why(method):
    asked = []

    def never(theta):
        asked.append(theta)
        return "the fleet's FLOPs grow by 9%"

    search = optimize(SPACE, wider_is_better, models=MODELS, trials=5, method=method, refusal=never)
    assert search.trials == ()
    assert search.best_theta is None
    assert search.stopped == "no theta may be tried: the fleet's FLOPs grow by 9%"
    assert asked


def test_a_corner_is_tried_where_the_rest_of_the_space_is_refused():
    def refusal(theta):
        return None if theta["width"] < 1e-6 and theta["rate"] > 0.999 else "it costs too much"

    search = optimize(SPACE, wider_is_better, models=MODELS, trials=3, refusal=refusal)
    assert search.trials[0].theta == {"width": 0.0, "rate": 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_all_allowed_points_of_a_small_space_are_tried(method):
    space = {"layers": Int(1, 4), "kind": Choice(["a", "b"])}

    def refusal(theta):
        return "too deep" if theta["layers"] > 2 else None

    search = optimize(
        space, lambda theta, model: 1.0, models=MODELS, trials=20, method=method, refusal=refusal
    )
    tried = {(trial.theta["layers"], trial.theta["kind"]) for trial in search.trials}
    assert tried == {(layers, kind) for layers in (1, 2) for kind in "ab"}
    assert search.stopped == "no other theta may be tried: too deep"


def test_a_space_of_one_refused_point_is_not_tried():
    search = optimize(
        {"only": Choice(["this"])},
        lambda theta, model: 1.0,
        models=MODELS,
        trials=2,
        refusal=lambda theta: "it costs too much",
    )
    assert (search.trials, search.stopped) == ((), "no theta may be tried: it costs too much")


def test_the_edge_is_found_to_a_hundredth_of_the_way():
    trials = [Trial({"width": 0.1, "rate": 0.1}, [0.1]), Trial({"width": 0.3, "rate": 0.1}, [0.2])]
    state = SearchState(SPACE, Goal.over(1), trials, refusal=too_wide)

    def promise(thetas):
        return state.encoding.encode(thetas)[:, 0]

    bounds = state.encoding.bounds
    theta = best_allowed(
        promise, {"width": 1.0, "rate": 0.1}, bounds, state, lambda theta: True, seed=0
    )
    assert EDGE - 0.01 <= theta["width"] <= EDGE


def test_a_method_that_knows_no_refusals_learns_of_them(monkeypatch):
    told = []

    class Stubborn:
        @staticmethod
        def propose(state):
            told.append(len(state.trials))
            return Proposal({"width": 0.9 + 0.01 * len(state.trials), "rate": 0.1}, state.order)

    monkeypatch.setattr(type(METHODS["tpe"]), "load", lambda self: Stubborn)
    state = SearchState(SPACE, Goal.over(1), refusal=too_wide)
    assert propose(state, "tpe").theta["width"] <= EDGE
    assert told == list(range(ATTEMPTS))
