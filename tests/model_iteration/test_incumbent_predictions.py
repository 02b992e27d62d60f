"""Models that are compared with predictions made elsewhere."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.special import expit

from smt.data import open_log, write_log
from smt.data.reading import IdCoding, Reading
from smt.data.simulator import Simulator
from smt.errors import InputError
from smt.fleet.incumbent import Predictions
from smt.model_iteration.incumbent import read_incumbent
from smt.model_iteration.instance import Job
from smt.model_iteration.make import make
from smt.training import paired_delta, train, train_network
from smt.training.judged_rows import judged_rows
from smt.training.outside_judge import judged_scores
from smt.training.predict import judge
from smt.training.shared_noise import bucket_shares, row_keys

ON = ("user", "item", "time")


@pytest.fixture(scope="module")
def log(small_simulator):
    spec = small_simulator.spec.model_copy(update={"watch_time": True})
    return Simulator(spec).log()


@pytest.fixture(scope="module", params=["frozen", "progressive"])
def template(request, small_template):
    return small_template.change("training", judge=request.param)


@pytest.fixture(scope="module")
def job(template, lean_model):
    return job_of(template, lean_model, ("click",), "score")


def job_of(template, model, events, score):
    incumbent = Predictions(predictions="scores.parquet", score=score, on=ON)
    return Job(
        template=template,
        version=2,
        baseline=None,
        incumbent=incumbent,
        model=model.model_copy(update={"events": events, "incumbent": incumbent}),
        seed=1,
        log_digest="log",
    )


def today(job, log):
    """A network trained by hand, and what it says of the judged rows, as a platform has it."""
    trained = train_network(
        job.template.change("training", dense_rate=1e-5), job.model, log, seed=1
    )
    rows = judged_rows(job.template, job.model, log).log.test
    logits = trained.judged().logits
    events = zip(job.model.events, logits.T, strict=True)
    scores = {
        event: np.exp(outputs) if event == "watch_time" else expit(outputs)
        for event, outputs in events
    }
    columns = job.incumbent.columns(job.model.events)
    table = pa.table(
        {name: rows[name] for name in ON} | {columns[event]: scores[event] for event in scores}
    )
    return trained, table


def compared(job, log, table, folder):
    """What a launch finds of the model, of rows in whatever order."""
    file = folder / "scores.parquet"
    order = np.random.default_rng(3).permutation(len(table))
    pq.write_table(table.take(order), file)
    incumbent = job.incumbent.model_copy(update={"predictions": str(file)})
    job = job.model_copy(update={"incumbent": incumbent})
    return make(job, log, outside=read_incumbent(job, log)).evidence


@pytest.mark.parametrize(
    "events", [("click",), ("watch_time",), ("view", "watch_time")], ids="+".join
)
def test_predictions_of_a_network_are_compared_as_that_network(
    events, template, lean_model, log, tmp_path
):
    score = "score" if len(events) == 1 else {event: f"p_{event}" for event in events}
    job = job_of(template, lean_model, events, score)
    before, table = today(job, log)
    _, losses = judge(before.judged(), before.windows.backgrounds(events))
    after = train(job.template, job.model, log, seed=1)
    found = compared(job, log, table, tmp_path)
    assert found.finding == "could ship"
    delta, sem = paired_delta(losses, after.losses, after.groups)
    assert found.delta.value == pytest.approx(delta, abs=1e-5)
    assert found.delta.sem == pytest.approx(sem, rel=1e-4)
    assert found.baseline_ne == pytest.approx(losses.mean(dtype=np.float64), rel=1e-6)
    assert found.ne == after.ne
    shares = bucket_shares(losses, after.losses, row_keys(before.windows, after.groups))
    assert found.bucket_shares == pytest.approx(shares, rel=1e-3, abs=1e-5)
    assert (found.baseline_cost, found.cost is None) == (None, False)


@pytest.fixture(scope="module")
def clicks(job, log):
    return today(job, log)[1]


@pytest.fixture(scope="module")
def values(template, lean_model, log):
    job = job_of(template, lean_model, ("watch_time",), "score")
    return job, today(job, log)[1]


def changed(table, scores):
    """The first scores replaced."""
    column = [*scores, *table["score"].to_pylist()[len(scores) :]]
    return table.set_column(
        table.column_names.index("score"), "score", pa.array(column, pa.float64())
    )


def refused(job, log, table, folder, monkeypatch):
    """The one reason of a model that no network was trained of."""

    def untrained(*args, **kwargs):
        raise AssertionError("a network was trained")

    monkeypatch.setattr("smt.model_iteration.make.train_network", untrained)
    found = compared(job, log, table, folder)
    assert (found.finding, found.delta.status) == ("failed", "failed")
    assert found.reasons == (found.delta.reason,)
    return found.reasons[0].replace(str(folder), "DIR")


def row_said(table, row):
    user, item, time = (table[name][row].as_py() for name in ON)
    return f"user {user}, item {item}, {np.datetime64(time, 'ms')}Z"


def test_judged_rows_without_a_prediction_are_counted(job, log, clicks, tmp_path, monkeypatch):
    reason = refused(job, log, clicks.slice(12), tmp_path, monkeypatch)
    assert reason == (
        f"InputError: 12 of {len(clicks):,} judged rows have no prediction in DIR/scores.parquet, "
        f"such as {row_said(clicks, 0)}"
    )


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_scores_that_are_no_finite_numbers_are_counted(
    score, job, log, clicks, tmp_path, monkeypatch
):
    reason = refused(job, log, changed(clicks, [score] * 2), tmp_path, monkeypatch)
    assert f"2 of {len(clicks):,} judged rows have a score that is no finite number in " in reason


@pytest.mark.parametrize("score", [0.0, 1.0, -0.1, 1.5])
def test_probabilities_outside_0_and_1_are_counted(score, job, log, clicks, tmp_path, monkeypatch):
    reason = refused(job, log, changed(clicks, [score] * 3), tmp_path, monkeypatch)
    assert f"3 of {len(clicks):,} judged rows have a score that is not in (0, 1) in " in reason


@pytest.mark.parametrize("score", [0.0, -1.0])
def test_means_that_are_not_above_0_are_counted(score, values, log, tmp_path, monkeypatch):
    job, table = values
    reason = refused(job, log, changed(table, [score]), tmp_path, monkeypatch)
    assert f"1 of {len(table):,} judged rows have a score that is not above 0 in " in reason


def test_different_scores_of_a_row_are_counted_beside_what_else_is_wrong(
    job, log, clicks, tmp_path, monkeypatch
):
    again = changed(clicks, [0.123, 0.123]).slice(0, 2)
    rows = pa.concat_tables([changed(clicks, [0.5, 0.6]).slice(0, len(clicks) - 3), again])
    reason = refused(job, log, rows, tmp_path, monkeypatch)
    assert f"3 of {len(clicks):,} judged rows have no prediction in " in reason
    assert reason.endswith(f"; 2 have different scores, such as {row_said(clicks, 0)}")


def test_that_hashed_ids_may_be_why_scores_differ_is_said(job, log, clicks, tmp_path):
    rows = pa.concat_tables([clicks, changed(clicks, [0.123]).slice(0, 1)])
    pq.write_table(rows, tmp_path / "scores.parquet")
    file = job.incumbent.model_copy(update={"predictions": str(tmp_path / "scores.parquet")})
    held = read_incumbent(job.model_copy(update={"incumbent": file}), log)
    counts = {"num_ids": 200, "missing": (), "names": 9, "ids": 9, "sharing": 0, "missing_rows": {}}
    reading = Reading(ids={"item": IdCoding(coding="hash", **counts)})
    hashed = replace(held, codings=replace(held.codings, reading=reading))
    said = r"1 of .* have different scores \(ids of item are hashed: some may share one\) in .*, "
    with pytest.raises(InputError, match=f"{said}such as user [0-9]+, item hashed to "):
        judged_scores(job.template, job.model, log, hashed)


def test_more_rows_and_the_same_row_twice_change_nothing(job, log, clicks, tmp_path):
    strangers = clicks.set_column(0, "user", pa.array([10**6] * len(clicks)))
    rows = pa.concat_tables([clicks, clicks.slice(0, 50), strangers])
    plain, more = (compared(job, log, table, tmp_path) for table in (clicks, rows))
    assert (more.delta, more.baseline_ne) == (plain.delta, plain.baseline_ne)


def test_a_filtered_model_needs_predictions_of_its_own_rows_alone(job, log, clicks, tmp_path):
    own = job.model.model_copy(update={"filter": {"surface": 1}})
    job = job.model_copy(update={"model": own})
    rows = judged_rows(job.template, own, log).log.test
    known = (
        rows.filter(pa.compute.equal(rows["surface"], 1))
        .select(ON)
        .append_column(
            "score", pa.array([0.3] * pa.compute.sum(pa.compute.equal(rows["surface"], 1)).as_py())
        )
    )
    found = compared(job, log, known, tmp_path)
    assert found.judged_rows == len(known)
    assert found.delta.status == "measured"


def test_of_a_streamed_log_the_same_rows_get_the_same_scores(job, log, tmp_path):
    write_log(tmp_path / "log", log.schema, log.train, log.test, row_group_rows=256)
    rows = pa.concat_tables([log.train, log.test]).select(ON)
    scores = np.random.default_rng(0).uniform(0.1, 0.9, len(rows))
    pq.write_table(rows.append_column("score", pa.array(scores)), tmp_path / "scores.parquet")
    file = job.incumbent.model_copy(update={"predictions": str(tmp_path / "scores.parquet")})
    held = read_incumbent(job.model_copy(update={"incumbent": file}), log)
    own = job.model.model_copy(update={"filter": {"surface": (0, 2)}})
    for model in (job.model, own):
        judged = judged_rows(job.template, model, log).log.test
        kept = np.isin(judged["surface"].to_numpy(), (0, 2)) | (model is job.model)
        expected = scores[len(scores) - len(judged) :][kept]
        for each in (log, open_log(tmp_path / "log")):
            assert (judged_scores(job.template, model, each, held)[:, 0] == expected).all()


def test_what_predictions_hold_and_how_they_are_read_is_in_the_key(job):
    assert "incumbent" not in job.model_copy(update={"incumbent": None}).to_dict()
    other = job.incumbent.model_copy(update={"score": "other"})
    content = {"files": {"scores.parquet": "digest"}}
    keys = {job.model_copy(update=change).key for change in ({}, {"incumbent": other}, content)}
    assert len(keys) == 3


def test_of_several_events_each_has_a_column(job):
    with pytest.raises(
        InputError, match=r"one column of scores, 'score', for 2 events; .*click: C"
    ):
        job.incumbent.columns(("click", "view"))
    each = job.incumbent.model_copy(update={"score": {"click": "a", "view": "b"}})
    assert each.columns(("view", "click")) == {"view": "b", "click": "a"}
    with pytest.raises(InputError, match="'score' names no column for the event 'like'"):
        each.columns(("view", "click", "like"))
    with pytest.raises(InputError, match="'score' names a column for 'view', which is no event"):
        each.columns(("click",))
