import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from smt.execution.dispatcher import Progress
from smt.mmo import Trial, aggregate
from smt.mmo.progress import Display


@pytest.fixture
def follow(monkeypatch):
    """A display of 2 trials of 3 models, and what it printed; no cluster."""
    now = {"progress": Progress(done=0, fresh=0, baselines=0, waiting=False)}
    dispatcher = SimpleNamespace(progress=SimpleNamespace(remote=lambda: now["progress"]))
    monkeypatch.setattr("smt.mmo.progress.ray.get", lambda found: found)
    printed = io.StringIO()
    display = Display(Console(file=printed, width=120), dispatcher, evaluations=6)

    def state(done, baselines):
        now["progress"] = Progress(done=done, fresh=done, baselines=baselines, waiting=False)

    return display, state, lambda: printed.getvalue().splitlines()


def trial(*deltas):
    return Trial({}, deltas, (None,) * 3, aggregate(deltas))


def test_baselines_are_counted_once_they_are_asked_for(follow):
    display, state, lines = follow
    display.technique("mine", 2)
    state(done=6, baselines=3)
    display.trial("mine", 0, 2, trial(0.1, 0.2, 0.3))
    assert "6/9 evaluations" in lines()[-1]
    # On a fresh seed every model has a baseline of its own.
    display.measuring("mine", "again on 1 fresh seed", 3)
    state(done=9, baselines=6)
    display.trial("mine", 1, 2, trial(0.1, 0.2, 0.3))
    assert "9/15 evaluations" in lines()[-1]


def test_evaluations_that_are_not_needed_are_not_waited_for(follow):
    display, state, lines = follow
    state(done=4, baselines=3)
    display.trial("mine", 0, 2, trial(-0.1, None, None))
    assert "rejected early, 2 of 3 models not evaluated" in lines()[-1]
    assert "4/7 evaluations" in lines()[-1]


def test_one_that_ended_though_it_was_cancelled_is_counted(follow):
    display, state, lines = follow
    state(done=9, baselines=3)
    display.trial("mine", 0, 2, trial(-0.1, None, None))
    assert "9/9 evaluations" in lines()[-1]
