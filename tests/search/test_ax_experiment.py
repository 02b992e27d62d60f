import math

import pytest
from ax.api.client import Client

from smt.search.aggregate import aggregate
from smt.search.ax_experiment import decode, encode, experiment_json, make_experiment
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.methods import ax_search
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.template import Choice, Float, Int

SPACE = {
    "rate": Float(0.001, 0.1, log=True),
    "depth": Int(1, 4),
    "kind": Choice(["a", 2]),
    "only": Choice([3]),
}
MODELS = ("shop/click", "shop/like")


def trial_of(number, deltas, sems):
    theta = {"rate": 0.001 * (number + 1), "depth": 1 + number % 4, "kind": "a", "only": 3}
    return Trial(theta, deltas, sems, aggregate(deltas, epsilon=0.4))


def test_ax_opens_a_search_with_its_metrics_and_analyses(tmp_path):
    trials = [
        trial_of(0, (0.2, 0.4), (0.01, 0.02)),
        trial_of(1, (0.3, -0.5), (0.01, 0.02)),
        trial_of(2, (-0.3, None), (0.01, None)),
        trial_of(3, (math.nan, 0.1), (None, 0.02)),
    ]
    path = tmp_path / "client.json"
    path.write_bytes(experiment_json(Encoding(SPACE), trials, Goal.over(2, epsilon=0.4), MODELS))
    client = Client.load_from_json_file(str(path))
    shown = client.summarize()
    assert shown["rate"].tolist() == [trial.theta["rate"] for trial in trials]
    assert shown["depth"].tolist() == [1, 2, 3, 4]
    assert "only" not in shown
    assert shown["shop/click"].tolist()[:3] == pytest.approx([0.2, 0.3, -0.3])
    assert shown["shop/like"].isna().tolist() == [False, False, True, False]
    assert shown["mean"][0] == pytest.approx(0.3)
    assert shown["regression_rate"].tolist() == [0.0, 0.5, 0.5, 0.5]
    assert client.compute_analyses(display=False)


def test_ax_opens_a_search_of_a_conditional_space_with_what_is_inactive_in_the_middle(tmp_path):
    space = {
        "deep": Choice([True, False]),
        "depth": Int(1, 5, when={"deep": True}),
        "rate": Float(0.01, 1.0, log=True, when={"deep": True}),
        "kind": Choice(["a", "b"], when={"deep": True}),
    }
    thetas = [
        {"deep": False},
        {"deep": True, "depth": 1, "rate": 0.02, "kind": "b"},
        {"deep": True, "depth": 5, "rate": 1.0, "kind": "a"},
    ]
    trials = [
        Trial(theta, (0.1 * number, 0.2), (0.01, 0.01), aggregate((0.1 * number, 0.2)))
        for number, theta in enumerate(thetas)
    ]
    path = tmp_path / "client.json"
    path.write_bytes(experiment_json(Encoding(space), trials, Goal.over(2), MODELS))
    client = Client.load_from_json_file(str(path))
    shown = client.summarize()
    assert shown["deep"].tolist() == ["1", "0", "0"]
    assert shown["depth"].tolist() == [3, 1, 5]
    assert shown["rate"].tolist() == pytest.approx([0.1, 0.02, 1.0])
    assert shown["kind"].tolist() == ["0", "1", "0"]
    assert client.compute_analyses(display=False)


@pytest.mark.parametrize("deep", [True, False])
def test_a_point_of_a_conditional_space_comes_back_from_what_ax_is_told(deep):
    space = {"deep": Choice([True, False]), "depth": Int(1, 4, when={"deep": True})}
    theta = {"deep": True, "depth": 2} if deep else {"deep": False}
    assert decode(encode(theta, Encoding(space)), Encoding(space)) == theta


@pytest.mark.parametrize("domain", [Float(1e-8, 1e-5, log=True), Float(0.5, 0.50000001)])
def test_a_range_too_narrow_for_ax_is_told_in_units_of_a_power_of_ten(domain, tmp_path):
    encoding = Encoding({"decay": domain})
    thetas = [{"decay": domain.low}, {"decay": domain.high}]
    for theta in thetas:
        assert decode(encode(theta, encoding), encoding)["decay"] == pytest.approx(theta["decay"])
        assert domain.holds(decode(encode(theta, encoding), encoding)["decay"])
    trials = [Trial(theta, (0.1, 0.2), (0.01, 0.01), aggregate((0.1, 0.2))) for theta in thetas]
    path = tmp_path / "client.json"
    path.write_bytes(experiment_json(encoding, trials, Goal.over(2), MODELS))
    (column,) = [
        each for each in Client.load_from_json_file(str(path)).summarize() if "_in_" in each
    ]
    assert column.startswith("decay_in_1e-")
    proposed = ax_search.propose(SearchState(encoding.space, Goal.over(2), trials)).theta
    assert domain.holds(proposed["decay"])


def test_ax_knows_what_it_would_know_had_it_been_told_trial_by_trial():
    trials = [
        trial_of(0, (0.2, 0.4), (0.01, 0.02)),
        trial_of(1, (math.nan, 0.1), (None, 0.02)),
        trial_of(2, (-0.3, 0.5), (0.01, 0.0)),
    ]
    encoding, goal = Encoding(SPACE), Goal.over(2, epsilon=0.4)
    told = make_experiment(encoding, trials, goal, seed=0)
    literal = make_experiment(encoding, [], goal, seed=0)
    for trial in trials:
        outcome = {"regression_rate": trial.aggregate.regression_rate}
        if math.isfinite(trial.aggregate.mean):
            outcome["mean"] = trial.aggregate.mean
        literal.complete_trial(literal.attach_trial(encode(trial.theta, encoding)), outcome)
    assert told.summarize().equals(literal.summarize())
