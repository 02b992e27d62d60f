"""A run is opened and ended here with what stands for a cluster's processes."""

import io
from contextlib import contextmanager

import pytest
from made_models import made_model
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import ClusterPlan
from smt.execution.ledger import claim_run
from smt.execution.resources import Resources
from smt.execution.run import RunPlan, open_run, plan_run, start_workers
from smt.storage import Folder
from smt.template import Template

IDENTITY = {"fleet": "abc"}


@pytest.fixture
def events(monkeypatch):
    """What is started and ended, in order."""
    happened = []

    @contextmanager
    def dispatching(dispatcher, _):
        try:
            yield dispatcher
        finally:
            happened.append("dispatcher ends")

    def start_dispatcher(*_, limit_s):
        happened.append(f"dispatcher starts, {limit_s:g} s")
        return "dispatcher"

    def run_on_residents(call, items, *, workers, cpus, gpu, limit_s, kinds):
        happened.append(f"{workers} residents of {cpus} CPUs start, gpu {gpu}, {limit_s:g} s")
        try:
            for number, item in enumerate(items):
                yield number, call(*item)
        finally:
            happened.append("residents end")

    monkeypatch.setattr("smt.execution.run.dispatching", dispatching)
    monkeypatch.setattr("smt.execution.run.start_dispatcher", start_dispatcher)
    monkeypatch.setattr("smt.execution.run.run_on_residents", run_on_residents)
    monkeypatch.setattr("smt.execution.run.share_logs", lambda *_: happened.append("logs") or {})
    monkeypatch.setattr("smt.execution.run.announce_wait", lambda *_: happened.append("waits"))
    return happened


@pytest.fixture
def opened(tmp_path):
    """(cluster's plan) -> a run in the folder."""

    def start(cluster=None, *, resume=False):
        cluster = cluster or ClusterPlan(pool=2, runs=0)
        planned = RunPlan((), {}, (), cluster, streamed={}, limit_s=60.0)
        console = Console(file=io.StringIO())
        return open_run(planned, Folder(tmp_path / "run"), IDENTITY, resume=resume, console=console)

    return start


def test_logs_are_shared_before_the_dispatcher_starts_which_ends_with_the_run(opened, events):
    with opened() as run:
        assert run.start_dispatcher(None) == "dispatcher"
        assert events == ["logs", "waits", "dispatcher starts, 60 s"]
    assert events[3:] == ["dispatcher ends"]


def test_everything_ends_and_the_folder_is_free_where_a_run_fails(opened, events, tmp_path):
    def fail():
        with opened() as run:
            run.start_dispatcher(None)
            next(run.run_on_residents(abs, [(-1,), (2,)]))
            raise RuntimeError("of the search")

    with pytest.raises(RuntimeError):
        fail()
    assert events[-2:] == ["residents end", "dispatcher ends"]
    with claim_run(Folder(tmp_path / "run"), IDENTITY, resume=True):
        pass


def test_an_error_before_anything_starts_starts_nothing(opened, events, monkeypatch):
    def refuse(*_):
        raise InputError("no room")

    monkeypatch.setattr("smt.execution.run.share_logs", refuse)
    with pytest.raises(InputError, match="no room"), opened() as run:
        run.start_dispatcher(None)
    assert events == []


def test_a_folder_of_another_run_is_refused_before_anything_starts(opened, events):
    with opened():
        pass
    with pytest.raises(InputError, match="holds a run already"), opened():
        pytest.fail("it is open")
    with opened(resume=True) as run:
        run.start_dispatcher(None)
    assert events[-1] == "dispatcher ends"


@pytest.mark.parametrize(
    ("cluster", "started"),
    [
        (ClusterPlan(pool=3, runs=1, gpu=True), "3 residents of 1 CPUs start, gpu True, 60 s"),
        # Their runs' workers have the CPUs and GPUs.
        (ClusterPlan(pool=0, runs=4, gpu=True), "4 residents of 0 CPUs start, gpu False, 60 s"),
    ],
)
def test_residents_are_warm_workers_or_wait_for_runs_of_their_own(cluster, started, opened, events):
    with opened(cluster) as run:
        assert [*run.run_on_residents(abs, [(-1,), (2,)])] == [(0, 1), (1, 2)]
    assert events == [started, "residents end"]


@pytest.mark.parametrize(
    ("judges", "message"),
    [
        (["truth"], "judge is 'truth', which no real log tells"),
        (["frozen", "progressive"], "'frozen' .* and 'progressive' .* of all alike"),
    ],
)
def test_networks_that_are_compared_are_judged_in_one_way(judges, message):
    template = Template(name="t")
    model = made_model("m")
    trainings = [(model, template.change("training", judge=judge)) for judge in judges]
    with pytest.raises(InputError, match=message):
        plan_run(trainings, {}, Resources())


def test_workers_that_start_early_end_where_the_run_cannot_be_prepared(monkeypatch):
    ended = []
    monkeypatch.setattr("smt.execution.run.connect", lambda: None)
    plan = ClusterPlan(pool=2, runs=0)
    monkeypatch.setattr("smt.execution.run.plan_cluster", lambda *_: plan)
    monkeypatch.setattr("smt.execution.run.start_warm_workers", lambda _: ["first", "second"])
    monkeypatch.setattr("smt.execution.run.ray.kill", ended.append)

    def prepare():
        with start_workers([], Resources()) as workers:
            assert (workers.cluster, workers.handles) == (plan, ["first", "second"])
            assert ended == []
            raise InputError("of a log")

    with pytest.raises(InputError, match="of a log"):
        prepare()
    assert ended == ["first", "second"]
