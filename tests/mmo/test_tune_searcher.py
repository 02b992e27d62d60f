import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.search import Searcher

from smt.mmo.tune_searcher import FleetSearcher
from smt.search.aggregate import aggregate
from smt.search.goal import Goal
from smt.search.propose import propose
from smt.search.state import SearchState
from smt.search.trial import Proposal, Trial
from smt.template import Choice, Float

SPACE = {"x": Float(0.0, 1.0)}


def conclude(number, theta, result):
    deltas = tuple(result["deltas"])
    return Trial(theta, deltas, (0.1,) * len(deltas), aggregate(deltas))


def hashed(number, finished, pending):
    """A stand-in for the surrogate: θ depends on every outcome and on what is pending."""
    seen = sum(trial.aggregate.mean * (n + 1) for n, trial in enumerate(finished))
    x = math.modf(abs(math.sin(seen + 7 * len(pending) + 3 * len(finished)) * 100))[0]
    return Proposal({"x": x}, (0, 1))


def make(trials=8, lag=2, choose=hashed):
    return FleetSearcher(
        trials=trials,
        lag=lag,
        propose=choose,
        configure=lambda number, proposal: {"number": number, **proposal.theta},
        conclude=conclude,
    )


def run(searcher, lag, choose):
    """Tune's side: fill the free places, then end one of the running trials."""
    running, started = [], len(searcher._thetas)
    while True:
        while len(running) < lag:
            config = searcher.suggest(f"t{started}")
            if config is None or config == Searcher.FINISHED:
                break
            running.append((f"t{started}", config))
            started += 1
        if not running:
            return searcher
        trial_id, config = running.pop(choose(len(running)))
        searcher.on_trial_complete(trial_id, {"deltas": [config["x"], 1 - config["x"] / 2]})


@settings(max_examples=40)
@given(st.data(), st.integers(1, 4))
def test_the_outcome_is_the_same_in_whatever_order_trials_end(data, lag):
    reference = run(make(lag=lag), lag, lambda count: 0)
    shuffled = run(make(lag=lag), lag, lambda count: data.draw(st.integers(0, count - 1)))
    assert shuffled.finished == reference.finished
    assert sorted(shuffled.finished) == list(range(8))
    assert shuffled.lost == []


def test_a_lag_of_one_is_the_plain_sequential_search():
    def choose(number, finished, pending):
        return propose(SearchState(SPACE, Goal.over(2), finished, pending), "ax")

    searcher = run(make(trials=6, lag=1, choose=choose), 1, lambda count: 0)
    done = []
    for number in range(6):
        theta = choose(number, done, []).theta
        assert searcher.finished[number].theta == theta
        done.append(conclude(number, theta, {"deltas": [theta["x"], 1 - theta["x"] / 2]}))


def test_a_trial_waits_for_those_before_its_lag_and_sees_no_outcome_after_them():
    asked = []

    def choose(number, finished, pending):
        asked.append((number, len(finished), len(pending)))
        return Proposal({"x": 0.1 * len(asked)}, (0,))

    searcher = make(trials=5, lag=2, choose=choose)
    assert searcher.suggest("a")["number"] == 0
    assert searcher.suggest("b")["number"] == 1
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("b", {"deltas": [1.0]})
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("a", {"deltas": [1.0]})
    assert searcher.suggest("c")["number"] == 2
    assert asked == [(0, 0, 0), (1, 0, 1), (2, 1, 1)]


def test_the_search_ends_after_its_trials_and_where_the_space_is_exhausted():
    searcher = run(make(trials=3, lag=2), 2, lambda count: 0)
    assert searcher.suggest("late") == Searcher.FINISHED
    half = Proposal({"x": 0.5}, (0, 1))
    exhausted = make(trials=9, lag=1, choose=lambda n, f, p: "enough" if len(f) == 2 else half)
    run(exhausted, 1, lambda count: 0)
    assert len(exhausted.finished) == 2
    assert exhausted.suggest("late") == Searcher.FINISHED


def test_a_trial_that_tune_lost_is_reported_as_lost():
    searcher = make(trials=3, lag=3)
    for name in "abc":
        searcher.suggest(name)
    searcher.on_trial_complete("a", {"deltas": [1.0]})
    searcher.on_trial_complete("b", None, error=True)
    assert searcher.lost == [1, 2]


def test_no_trial_begins_after_one_that_tune_lost():
    searcher = make(trials=3, lag=1)
    searcher.suggest("a")
    searcher.on_trial_complete("a", None, error=True)
    assert searcher.suggest("b") == Searcher.FINISHED
    assert searcher.stopped is None


def test_no_trial_begins_after_one_that_says_why_the_run_cannot_go_on():
    searcher = make(trials=3, lag=1)
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"stopped": "the disk is full"})
    assert searcher.suggest("b") == Searcher.FINISHED
    assert searcher.stopped == "the disk is full"
    assert searcher.finished == {}


@pytest.mark.parametrize("cut", [0, 1, 3, 5])
def test_a_saved_search_goes_on_as_if_it_had_not_stopped(cut, tmp_path):
    whole = run(make(trials=6, lag=1), 1, lambda count: 0)
    first = run(make(trials=cut, lag=1), 1, lambda count: 0)
    first.save(str(tmp_path / "state.json"))
    second = make(trials=6, lag=1)
    second.restore(str(tmp_path / "state.json"))
    assert second.finished == first.finished
    run(second, 1, lambda count: 0)
    assert second.finished == whole.finished


def test_saving_keeps_failures_and_unevaluated_models_and_every_kind_of_value(tmp_path):
    theta = {"a": True, "b": 1, "c": 1.0, "d": "x"}
    searcher = make(choose=lambda n, f, p: Proposal(theta, (0,)))
    searcher.suggest("a")
    searcher.suggest("b")
    searcher.finished[0] = Trial(
        theta, (math.nan, -1.0, None), (None, 0.5, None), aggregate([math.nan, -1.0, None])
    )
    searcher.save(str(tmp_path / "state.json"))
    again = make()
    again.restore(str(tmp_path / "state.json"))
    assert repr(again.finished) == repr(searcher.finished)
    assert again.lost == [1]
    again.on_trial_complete("b", {"deltas": [1.0]})
    assert again.finished[1].theta == theta
    assert [type(value) for value in again.finished[1].theta.values()] == [bool, int, float, str]


def test_tune_may_pickle_a_searcher_in_the_middle_of_a_search():
    searcher = make()
    searcher.suggest("a")
    again = pickle.loads(pickle.dumps(searcher))
    assert again.lost == [0]


def test_discrete_spaces_are_searched_to_their_end_with_trials_pending():
    space = {"keep": Choice([True, False]), "kind": Choice(["a", "b"])}

    def choose(number, finished, pending):
        return propose(SearchState(space, Goal.over(2), finished, pending), "ax") or "all tried"

    searcher = FleetSearcher(
        trials=9,
        lag=2,
        propose=choose,
        configure=lambda n, proposal: {"x": float(proposal.theta["keep"]), **proposal.theta},
        conclude=conclude,
    )
    run(searcher, 2, lambda count: count - 1)
    tried = [(trial.theta["keep"], trial.theta["kind"]) for trial in searcher.finished.values()]
    assert sorted(tried) == [(False, "a"), (False, "b"), (True, "a"), (True, "b")]
