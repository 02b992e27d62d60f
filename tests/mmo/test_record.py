"""What is written of a run says of every delta what it is."""

import math

import pyarrow.parquet as pq
from made_models import made_model
from made_run import Plan, make_run
from made_run import made_model as model_of_a_fleet

from smt.fleet import Fleet
from smt.mmo.technique_record import technique_record
from smt.mmo.verdict.conclusion import TechniqueResult, Verdict
from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.settings import Settings
from smt.search.trial import Trial
from smt.storage import Folder
from smt.template import Float, Technique

MODELS = tuple(map(made_model, ("a", "b", "c")))
SETTINGS = Settings(alpha=0.05, epsilon=0.5)


def record(*trials):
    """Of a technique whose search tried these and found no θ."""
    technique = Technique("own", "training", {"x": Float(0, 1)}, lambda t, x: t, "a test")
    verdict = Verdict(None, None, "no θ was feasible")
    result = TechniqueResult(technique, tuple(MODELS), trials, None, None, None, verdict)
    return technique_record(result, SETTINGS)


def test_a_failure_keeps_its_reason_and_is_told_from_what_was_not_evaluated():
    broken, missing = Delta.failed("it broke"), Delta.not_evaluated()
    (trial,) = record(Trial({"x": 0.5}, (broken, -0.1, missing), (None, 0.2, None))).trials
    assert trial.deltas == {"a": broken, "b": Delta.measured(-0.1, 0.2), "c": missing}
    assert (trial.helped, trial.neutral, trial.regressed, trial.skipped) == (0, 0, 2, 1)
    assert (trial.value, trial.mean, trial.mean_sem) == (None, None, None)
    assert trial.regression_rate == 2 / 3


def test_without_a_feasible_trial_the_nearest_is_shown():
    worse = Trial({"x": 0.1}, (-0.2, -0.3, -0.4), (0.1, 0.1, 0.1))
    broken = Trial({"x": 0.2}, (math.nan, -0.3, 0.4), (None, 0.1, 0.1))
    near = Trial({"x": 0.3}, (-0.2, -0.3, 0.4), (0.1, 0.1, 0.1))
    technique = record(worse, broken, near)
    shown = technique.shown
    assert (shown.number, shown.theta, shown.source) == (2, {"x": 0.3}, "search")
    assert shown.deltas == technique.shown_trial.deltas
    low, high = shown.interval
    assert low < shown.mean < high


def test_the_tables_have_a_status_and_a_reason_beside_each_delta(tmp_path):
    fleet = Fleet(name="shop", models=tuple(model_of_a_fleet(index) for index in range(2)))
    name = fleet.models[0].name
    plans = {"helps": Plan(0.3, 0.05, broken=frozenset({(0, name)}))}
    settings = Settings(trials=1, seed=3, method="sobol")
    make_run(Folder(tmp_path), fleet, settings, plans, representatives=2, holdout=0)
    (trial,) = pq.read_table(tmp_path / "trials.parquet").to_pylist()
    evaluations = pq.read_table(tmp_path / "evaluations.parquet").to_pylist()
    rows = {row["model"]: row for row in evaluations if row["technique"]}
    assert [delta["model"] for delta in trial["deltas"]] == [model.name for model in fleet.models]
    for delta in trial["deltas"]:
        row = rows[delta.pop("model")]
        assert delta == {key: row[key] for key in ("status", "delta", "sem", "failure")}
    assert rows[name]["status"] == "failed"
    assert rows[name]["failure"] == "ValueError: loss < 0 & <nan>"


def infeasible(slopes):
    """Trials of x from 0 to 1, and each model's line through 0 at 0.5, percent."""
    trials = []
    for x in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        deltas = tuple(slope * (x - 0.5) for slope in slopes)
        value = aggregate(deltas, alpha=0.0, epsilon=0.0)
        trials.append(Trial({"x": x}, deltas, (0.01,) * len(slopes), value))
    assert not any(trial.aggregate.feasible for trial in trials)
    return trials


def test_a_technique_that_suits_no_two_models_alike_is_worth_exposing():
    technique = record(*infeasible((2.0, -2.0, -2.0)), Trial({"x": 0.9}, (-1.0, None, None)))
    known = technique.sensitivity["x"]
    assert known.decision == "expose"
    assert known.domain == Float(0.0, 1.0)


def test_what_gains_too_little_for_every_model_is_not_exposed():
    technique = record(*infeasible((0.06, -0.06, -0.07)))
    known = technique.sensitivity["x"]
    assert (known.decision, known.domain) == ("standardize", None)
    assert known.reason.startswith("even each model's own best θ gains +0.02")
