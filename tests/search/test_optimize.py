import math

import pytest

from smt.errors import InputError
from smt.mmo import aggregate, optimize
from smt.template import Choice, Float, Int

SPACE = {"x": Float(0.0, 1.0), "y": Float(0.01, 1.0, log=True)}
MODELS = tuple(range(5))


def smooth(theta, model):
    """Best at x = 0.7, y = 0.1; beyond x = 0.8, models 3 and 4 regress."""
    gain = 1 - 4 * (theta["x"] - 0.7) ** 2 - (math.log10(theta["y"]) + 1) ** 2
    return -1.0 if model >= 3 and theta["x"] > 0.8 else gain


def test_the_best_trial_is_the_largest_aggregate():
    found = optimize(SPACE, smooth, models=MODELS, trials=6, method="ax", early_rejection=False)
    values = [trial.aggregate.value for trial in found.trials]
    best = values.index(max(values))
    assert (found.best_theta, found.best) == (
        found.trials[best].theta,
        found.trials[best].aggregate,
    )
    for trial in found.trials:
        assert trial.deltas == tuple(smooth(trial.theta, model) for model in MODELS)
        assert trial.aggregate == aggregate(trial.deltas)
    assert found.evaluations == 6 * len(MODELS)


def test_bayesian_search_comes_near_a_constrained_optimum_and_beats_quasi_random_points():
    bests = {
        method: [
            optimize(SPACE, smooth, models=MODELS, trials=11, method=method, seed=seed).best.value
            for seed in range(2)
        ]
        for method in ("composite", "ax", "sobol")
    }
    assert min(bests["ax"]) > 0.9
    assert min(bests["composite"]) > 0.9
    assert min(sum(bests["ax"]), sum(bests["composite"])) > sum(bests["sobol"])


def test_a_search_is_deterministic():
    first, again = (
        optimize(SPACE, smooth, models=MODELS, trials=7, seed=2, epsilon=0.3) for _ in range(2)
    )
    assert first == again
    other = optimize(SPACE, smooth, models=MODELS, trials=2, seed=3, method="sobol")
    assert other.trials[1].theta != first.trials[1].theta


@pytest.mark.parametrize("seed", [0, 1])
def test_early_rejection_finds_the_same_with_fewer_evaluations(seed):
    def harmful(theta, model):
        return smooth(theta, model) if theta["x"] < 0.8 else -1.0

    eager, patient = (
        optimize(
            SPACE,
            harmful,
            models=MODELS,
            trials=12,
            method="sobol",
            early_rejection=early,
            seed=seed,
        )
        for early in (True, False)
    )
    assert eager.best_theta == patient.best_theta
    assert eager.best == patient.best
    assert [trial.theta for trial in eager.trials] == [trial.theta for trial in patient.trials]
    assert eager.evaluations < patient.evaluations == 60
    for fast, slow in zip(eager.trials, patient.trials, strict=True):
        assert fast.aggregate.value == slow.aggregate.value
        known = [delta for delta in fast.deltas if delta is not None]
        assert tuple(known) == slow.deltas[: len(known)]


def test_a_trial_stops_as_soon_as_more_than_epsilon_have_regressed():
    asked = []

    def evaluate(theta, model):
        asked.append(model)
        return -1.0

    models = tuple(range(10))
    found = optimize(SPACE, evaluate, models=models, trials=1, epsilon=0.2)
    assert asked == [0, 1, 2]
    assert found.trials[0].deltas == (-1.0, -1.0, -1.0, *[None] * 7)
    assert found.trials[0].aggregate.regression_rate == pytest.approx(0.3)


@pytest.mark.parametrize("most", [1, 10, 23, 1000])
def test_no_trial_begins_once_the_evaluations_are_made(most):
    whole = optimize(SPACE, smooth, models=MODELS, trials=12, method="sobol")
    found = optimize(SPACE, smooth, models=MODELS, trials=12, max_evaluations=most, method="sobol")
    ends = [sum(t.evaluations for t in whole.trials[: n + 1]) for n in range(12)]
    assert found.trials == whole.trials[: sum(end < most for end in ends[:-1]) + 1]
    assert found.evaluations == sum(
        delta is not None for trial in found.trials for delta in trial.deltas
    )
    short = len(found.trials) < 12
    said = f"{found.evaluations} of {most} evaluations are made"
    assert found.stopped == (said if short else None)


def test_nothing_feasible_gives_no_theta():
    found = optimize(SPACE, lambda theta, model: -1.0, models=MODELS, trials=3)
    assert (found.best_theta, found.best) == (None, None)
    assert len(found.trials) == 3


def test_a_failed_model_makes_its_trial_infeasible_and_the_search_goes_on():
    def evaluate(theta, model):
        return math.nan if theta["depth"] > 2 and model == 4 else float(theta["depth"])

    space = {"depth": Int(1, 4), "keep": Choice([True, False])}
    found = optimize(space, evaluate, models=MODELS, trials=8, epsilon=0.5, early_rejection=False)
    assert found.best_theta["depth"] == 2
    assert {trial.theta["depth"] for trial in found.trials if not trial.aggregate.feasible} == {
        3,
        4,
    }


def test_fewer_trials_than_asked_where_the_space_has_fewer_points():
    space = {"keep": Choice([True, False])}
    found = optimize(space, lambda theta, model: 1.0, models=MODELS, trials=9)
    assert sorted(trial.theta["keep"] for trial in found.trials) == [False, True]
    empty = optimize({}, lambda theta, model: 1.0, models=MODELS, trials=9)
    assert [trial.theta for trial in empty.trials] == [{}]
    assert empty.best_theta == {}


def test_weights_decide_what_is_best():
    space = {"first": Choice([True, False])}

    def evaluate(theta, model):
        return float(theta["first"] == (model == "a"))

    for weights, expected in (([3.0, 1.0], True), ([1.0, 3.0], False)):
        found = optimize(space, evaluate, models=("a", "b"), weights=weights, trials=2)
        assert found.best_theta == {"first": expected}
        assert found.best.mean == pytest.approx(0.75)


def test_the_first_of_equal_trials_is_best():
    found = optimize(SPACE, lambda theta, model: 1.0, models=MODELS, trials=3, method="sobol")
    assert found.best_theta == found.trials[0].theta


def test_standard_errors_are_kept_and_nan_is_unknown():
    outcomes = {0: (1.0, 0.25), 1: (1.0, math.nan), 2: 1.0}
    found = optimize(SPACE, lambda theta, model: outcomes[model], models=(0, 1, 2), trials=1)
    assert found.trials[0].sems == (0.25, None, None)


def test_a_search_goes_on_where_only_some_standard_errors_are_known():
    def evaluate(theta, model):
        return (theta["x"], 0.1) if theta["x"] > 0.5 else theta["x"]

    found = optimize({"x": Float(0.0, 1.0)}, evaluate, models=(0, 1), trials=8)
    known = {trial.sems[0] for trial in found.trials}
    assert known == {None, 0.1}
    assert found.best.value > 0.95


def test_an_exception_names_theta_and_model_and_holds_the_trials_before_it():
    calls = []

    def evaluate(theta, model):
        calls.append(theta)
        if len(calls) == 2 * len(MODELS) + 3:
            raise ZeroDivisionError("boom")
        return 1.0

    with pytest.raises(RuntimeError, match=r"theta \{.*\}, model 2: ZeroDivisionError") as caught:
        optimize(SPACE, evaluate, models=MODELS, trials=5)
    assert str(calls[-1]) in str(caught.value)
    assert [trial.theta for trial in caught.value.trials] == [calls[0], calls[len(MODELS)]]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "it returned None; return a delta in percent, or"),
        ((0.1, 0.2, 0.3), r"it returned \(0.1, 0.2, 0.3\); return a delta in percent, or"),
        ("high", "it returned 'high'; return a delta in percent, or"),
        ((0.1, -0.2), r"it returned \(0.1, -0.2\); a standard error is at least 0"),
    ],
)
def test_what_is_no_delta_is_refused_and_the_trials_before_it_are_held(returned, message):
    deltas = iter([1.0] * len(MODELS))

    def evaluate(theta, model):
        return next(deltas, returned)

    with pytest.raises(RuntimeError, match=rf"theta \{{.*\}}, model 0: .*{message}") as caught:
        optimize(SPACE, evaluate, models=MODELS, trials=5)
    assert len(caught.value.trials) == 1


@pytest.mark.parametrize("delta", [math.nan, math.inf, -math.inf])
def test_a_delta_that_is_not_finite_is_a_failed_model(delta):
    found = optimize(SPACE, lambda theta, model: delta, models=MODELS, trials=1)
    assert found.best is None
    assert math.isnan(found.trials[0].deltas[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials is 0; at least 1 is needed"),
        ({"trials": -3}, "trials is -3"),
        ({"trials": 1, "max_evaluations": 0}, "max_evaluations is 0; at least 1 is needed"),
        (
            {"trials": 1, "method": "grid"},
            "unknown method 'grid'; known: composite, ax, sobol, tpe",
        ),
        ({"trials": 1, "weights": [1.0]}, "1 weights are given for 5 models"),
        ({"trials": 1, "weights": [-1.0, 1, 1, 1, 1]}, "is not a finite number"),
        ({"trials": 1, "weights": [0.0] * 5}, "all weights are zero"),
        ({"trials": 1, "models": ()}, "there are no models"),
        (
            {"trials": 1, "space": {"x": Float(0.0, 1.0, when={"y": 1})}},
            "space: hyperparameter 'x' depends on 'y', which is not in its space",
        ),
        (
            {"trials": 1, "space": {"x": (0.0, 1.0)}},
            r"hyperparameter 'x' is \(0.0, 1.0\); give a Float, an Int or a Choice",
        ),
        ({"trials": 1, "alpha": -0.05}, "alpha is -0.05; it is percent, at least 0"),
        ({"trials": 1, "epsilon": 10}, "epsilon is 10; it is a share of the models, from 0 to 1"),
        ({"trials": 1, "tau": math.nan}, "tau is nan; it is percent"),
        ({"trials": 1, "seed": -1}, "seed is -1; it is a whole number from 0 to 4294967295"),
    ],
)
def test_a_search_that_cannot_be_run_is_refused_before_anything_is_evaluated(options, message):
    def evaluate(theta, model):
        raise AssertionError("evaluated")

    with pytest.raises(InputError, match=message):
        optimize(**{"space": SPACE, "evaluate": evaluate, "models": MODELS, **options})
