import math

import pytest
from ax.core.evaluations_to_data import raw_evaluations_to_data

from smt.search import ax_experiment
from smt.search.aggregate import Aggregate, aggregate
from smt.search.goal import Goal
from smt.search.optimize import optimize
from smt.search.propose import propose
from smt.search.state import SearchState
from smt.search.trial import Trial
from smt.space import check_theta, drop_inactive
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


def trial_of(theta, deltas, sems=None):
    sems = sems or [None] * len(deltas)
    try:
        outcome = aggregate(deltas)
    except ValueError:
        outcome = Aggregate(math.nan, 0.5, -math.inf)
    return Trial(theta, tuple(deltas), tuple(sems), outcome)


def ask(space, trials=(), pending=(), method="ax", seed=0):
    goal = Goal.over(len(trials[0].deltas) if trials else 1)
    state = SearchState(space, goal, tuple(trials), tuple(pending), seed=seed)
    proposal = propose(state, method)
    return None if proposal is None else proposal.theta


def run(space, count, score, **options):
    trials = []
    for _ in range(count):
        theta = ask(space, trials, **options)
        trials.append(trial_of(theta, score(theta)))
    return trials


def by_rate(theta):
    return [1 - abs(math.log10(theta["rate"]) + 2), theta["share"] / 2 + 0.5]


@pytest.fixture(scope="module")
def searched():
    return run(MIXED, 8, by_rate)


@pytest.fixture
def shown_to_ax(monkeypatch):
    shown = []

    def spy(raw_data, *rest, **options):
        shown.extend(raw_data.values())
        return raw_evaluations_to_data(raw_data, *rest, **options)

    monkeypatch.setattr(ax_experiment, "raw_evaluations_to_data", spy)
    return shown


def test_proposals_lie_in_a_mixed_space_and_keep_its_types(searched):
    for trial in searched:
        check_theta(trial.theta, MIXED, "proposal")
        assert type(trial.theta["keep"]) is bool
        assert trial.theta["only"] == "this"
    assert len({str(trial.theta) for trial in searched}) == len(searched)


@pytest.mark.parametrize("count", [0, 3, 5, 7])
def test_a_proposal_is_a_pure_function_of_its_arguments(searched, count):
    assert ask(MIXED, searched[:count]) == searched[count].theta


@pytest.mark.parametrize("count", [3, 5])
def test_another_seed_makes_another_proposal(searched, count):
    assert ask(MIXED, searched[:count], seed=1) != searched[count].theta


def test_the_surrogates_proposal_depends_on_what_was_found(searched):
    upside_down = [trial_of(trial.theta, [-d for d in trial.deltas]) for trial in searched[:7]]
    assert ask(MIXED, upside_down) != searched[7].theta


def test_the_quasi_random_phase_depends_on_nothing_that_was_found(searched):
    others = [trial_of(trial.theta, [0.0, 0.0]) for trial in searched[:4]]
    assert ask(MIXED, others) == searched[4].theta
    changed = [trial_of(trial.theta, [0.0, 0.0]) for trial in searched[:7]]
    sobol = [ask(MIXED, trials, method="sobol") for trials in (changed, searched[:7])]
    assert sobol[0] == sobol[1]


@pytest.mark.parametrize("count", [2, 6])
def test_a_pending_point_is_not_proposed_again(searched, count):
    trials = searched[:count]
    first = ask(MIXED, trials)
    second = ask(MIXED, trials, [first])
    check_theta(second, MIXED, "proposal")
    assert second != first


def test_minus_infinity_and_nan_are_never_shown_to_the_surrogate(searched, shown_to_ax):
    theta = {**searched[0].theta, "depth": 3}
    failed = trial_of(theta, [math.nan, 1.0], [None, 0.1])
    stopped = Trial(theta, (-1.0, None), (0.1, None), Aggregate(math.nan, 0.5, -math.inf))
    harmful = trial_of({**theta, "depth": 2}, [-1.0, 1.0], [0.1, 0.1])
    assert {each.aggregate.value for each in (failed, stopped, harmful)} == {-math.inf}
    proposal = ask(MIXED, [*searched[:6], failed, stopped, harmful])
    check_theta(proposal, MIXED, "proposal")
    for data in shown_to_ax:
        for value, sem in data.values():
            assert math.isfinite(value)
            assert sem is None or math.isfinite(sem)
    assert [sorted(data) for data in shown_to_ax[-3:]] == [
        ["regression_rate"],
        ["regression_rate"],
        ["mean", "regression_rate"],
    ]
    assert shown_to_ax[-1]["mean"][0] == 0.0


def test_a_search_whose_every_trial_fails_goes_on():
    space = {"x": Float(0.0, 1.0)}
    trials = run(space, 8, lambda theta: [math.nan, 1.0])
    assert len({trial.theta["x"] for trial in trials}) == 8


def test_standard_errors_are_shown_unknown_as_none_and_noiseless_as_zero(shown_to_ax):
    space = {"x": Float(0.0, 1.0)}
    trials = [
        trial_of({"x": 0.1}, [1.0, -0.05], [0.3, 0.4]),
        trial_of({"x": 0.2}, [1.0, 1.0], [0.0, 0.0]),
    ]
    ask(space, trials)
    ask(space, [trial_of({"x": 0.3}, [1.0, 1.0], [None, 0.1])])
    noisy, exact, unknown = shown_to_ax
    # In units of α = 0.05%.
    assert noisy["mean"] == pytest.approx((0.475 / 0.05, 0.25 / 0.05))
    # The second model is at the threshold: it regresses with chance one half.
    assert noisy["regression_rate"] == pytest.approx((0.0, 0.25), abs=1e-3)
    assert exact == {"mean": (20.0, 0.0), "regression_rate": (0.0, 0.0)}
    assert unknown == {"mean": (20.0, None), "regression_rate": (0.0, None)}


def test_errors_of_a_metric_are_shown_for_all_trials_or_for_none(shown_to_ax):
    trials = [
        trial_of({"x": 0.1}, [1.0, 1.0], [0.3, 0.4]),
        trial_of({"x": 0.2}, [1.0, 1.0], [None, 0.1]),
        trial_of({"x": 0.3}, [1.0, math.nan], [0.2, None]),
    ]
    ask({"x": Float(0.0, 1.0)}, trials)
    assert [data.get("mean") for data in shown_to_ax] == [(20.0, None), (20.0, None), None]
    assert {data["regression_rate"][1] for data in shown_to_ax} == {None}


@pytest.mark.parametrize("method", ["ax", "sobol"])
def test_an_exhausted_discrete_space_ends_the_search(method):
    space = {"a": Choice([True, False]), "b": Int(1, 3)}
    trials = []
    while (theta := ask(space, trials, method=method)) is not None:
        check_theta(theta, space, "proposal")
        trials.append(trial_of(theta, [float(theta["b"]), 1.0]))
        assert len(trials) <= 6
    assert {(trial.theta["a"], trial.theta["b"]) for trial in trials} == {
        (a, b) for a in (True, False) for b in (1, 2, 3)
    }


@pytest.mark.parametrize("space", [{}, {"only": Choice([3])}])
def test_a_space_of_one_point_is_tried_once(space):
    point = {"only": 3} if space else {}
    assert ask(space) == point
    assert ask(space, [trial_of(point, [1.0])]) is None
    assert ask(space, pending=[point]) is None


METHODS = ("composite", "ax", "sobol", "tpe")
CONDITIONAL = {
    "share": Float(0.0, 0.5, when={"way": ("drop", "both")}),
    "regular": Choice([True, False]),
    "way": Choice(["drop", "decay", "both"], when={"regular": True}),
    "decay": Float(1e-3, 1.0, log=True, when={"way": ("decay", "both")}),
    "depth": Int(1, 4),
}


@pytest.mark.parametrize("method", METHODS)
def test_proposals_have_what_is_active_alone_and_never_repeat(method):
    def evaluate(theta, model):
        check_theta(theta, CONDITIONAL, "proposal")
        return 0.1 * theta["depth"] - theta.get("share", 0.2) + 0.01 * model, 0.01

    found = optimize(CONDITIONAL, evaluate, models=(0, 1), trials=7, method=method)
    thetas = [trial.theta for trial in found.trials]
    assert all(theta not in thetas[:number] for number, theta in enumerate(thetas))
    assert {theta["regular"] for theta in thetas} == {True, False}


@pytest.mark.parametrize("method", METHODS)
def test_a_finite_conditional_space_ends_after_each_of_its_points(method):
    space = {
        "gate": Choice([True, False]),
        "size": Int(1, 3, when={"gate": True}),
        "form": Choice(["a", "b"], when={"gate": True}),
        "only": Choice(["this"], when={"form": "b"}),
    }
    found = optimize(
        space,
        lambda theta, model: (theta.get("size", 0) * 0.1, 0.01),
        models=(0, 1),
        trials=50,
        method=method,
    )
    assert found.stopped == "all points of the space are tried"
    assert len(found.trials) == 1 + 3 * 2
    whole = [
        {"gate": gate, "size": size, "form": form, "only": "this"}
        for gate in (True, False)
        for size in (1, 2, 3)
        for form in "ab"
    ]
    points = {frozenset(drop_inactive(theta, space).items()) for theta in whole}
    assert {frozenset(trial.theta.items()) for trial in found.trials} == points


def test_a_composite_proposal_is_good_in_a_branch_whatever_the_others_hyperparameters():
    space = {
        "way": Choice(["plain", "drop"]),
        "share": Float(0.0, 1.0, when={"way": "drop"}),
        "other": Float(0.0, 1.0, when={"way": "plain"}),
    }
    trials = [
        trial_of({"way": "drop", "share": x}, [1 - 4 * (x - 0.8) ** 2] * 2, [0.01] * 2)
        for x in (0.0, 0.3, 0.6, 1.0)
    ]
    trials += [
        trial_of({"way": "plain", "other": x}, [0.3] * 2, [0.01] * 2) for x in (0.1, 0.4, 0.9)
    ]
    theta = ask(space, trials, method="composite")
    assert theta["way"] == "drop"
    assert 0.65 < theta["share"] < 0.95
