"""Launched models of values, alone and beside an event."""

import numpy as np
import pytest
from sklearn.metrics import mean_tweedie_deviance

from smt.data.simulator import Simulator
from smt.importance.measure import feature_importance
from smt.model_iteration.instance import Evidence, Job
from smt.model_iteration.make import make
from smt.results.importance import ImportanceSettings


@pytest.fixture(scope="module")
def log(small_simulator):
    spec = small_simulator.spec.model_copy(update={"watch_time": True})
    return Simulator(spec).log()


@pytest.fixture(scope="module")
def job(small_template, lean_model):
    return Job(
        template=small_template,
        version=7,
        baseline=small_template.change("training", dense_rate=1e-5),
        model=lean_model.model_copy(update={"events": ("watch_time",)}),
        seed=1,
        log_digest="log",
    )


def test_a_model_of_a_value_ships_with_its_own_figures(job, log):
    made = make(job, log)
    found = made.evidence
    assert found.finding == "could ship"
    assert found.ne == pytest.approx(found.metrics["watch_time"].normalized_deviance)
    assert found.delta.value > 0
    assert found.ne < found.constant_ne
    before, judged = (rows["watch_time"].to_numpy().astype(float) for rows in (log.train, log.test))
    constant, base = (
        mean_tweedie_deviance(rows, np.full(len(rows), before.mean()), power=1.5)
        for rows in (judged, before)
    )
    assert found.constant_ne == pytest.approx(constant / base)
    assert Evidence.parse(found.to_dict(), source="record") == found
    assert any(name.endswith("network.pt2") for name in made.files)


def test_one_no_better_than_the_mean_fails_and_names_its_loss(job, log):
    hasty = job.template.change("training", dense_rate=0.05, table_rate=1.0, batch_size=64)
    found = make(job.model_copy(update={"template": hasty}), log).evidence
    assert found.finding == "failed"
    assert found.reasons[0].startswith("normalized deviance ")
    assert found.reasons[0].endswith("of predicting the event's mean")


@pytest.mark.parametrize("events", [("watch_time",), ("view", "watch_time")])
def test_importances_of_a_value_are_measured_by_its_loss(events, small_template, lean_model, log):
    model = lean_model.model_copy(update={"events": events})
    settings = ImportanceSettings(method="both", repeats=2)
    template = small_template.change("training", batch_size=64)
    rows = feature_importance(template, model, log, settings).to_pylist()
    found = {
        method: {row["feature"]: row["importance"] for row in rows if row["method"] == method}
        for method in ("permutation", "gradient")
    }
    assert {*found["permutation"]} == {*found["gradient"]} == {*model.features}
    assert max(found["permutation"].values()) > 0.1
    assert min(found["gradient"].values()) >= 0
    losses = {row["ne"] for row in rows}
    assert max(losses) == pytest.approx(min(losses), rel=1e-5)
