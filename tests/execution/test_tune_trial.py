import subprocess
import sys
from types import SimpleNamespace

import pytest
from ray import cloudpickle
from ray.actor import _modify_class
from ray.exceptions import RayTaskError

from smt.errors import InputError, StoppedError
from smt.execution.dispatcher import Dispatcher
from smt.execution.tune_trial import run_trial
from smt.execution.warm_worker import WarmWorker
from smt.search.goal import Goal

HEAVY = ("torch", "torchrec", "ax", "botorch", "sklearn", "scipy")


def loaded(content):
    """Which heavy modules a fresh process has once it has unpickled this, as Ray does."""
    script = (
        "import sys; from ray import cloudpickle; cloudpickle.loads(sys.stdin.buffer.read()); "
        f"print([each for each in {HEAVY} if each in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, input=cloudpickle.dumps(content), capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@pytest.mark.parametrize("actor", [Dispatcher, WarmWorker])
def test_a_process_that_holds_an_actors_handle_loads_neither_torch_nor_ax(actor):
    # Ray unpickles the class of an actor with its handle.
    assert loaded([run_trial, Goal.over(1), _modify_class(actor)]) == "[]"


def test_the_dispatcher_and_a_driver_that_refuses_its_arguments_load_neither_torch_nor_ax():
    script = (
        "import sys; import smt.execution.dispatcher, smt.mmo.start, smt.techniques.listing; "
        f"print([each for each in {HEAVY} if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


@pytest.mark.parametrize("kind", [InputError, StoppedError])
def test_a_trial_that_no_other_try_would_help_reports_why_and_does_not_fail(kind, monkeypatch):
    def fail(_):
        raise RayTaskError("trial", "", kind("the disk is full"))

    reported = []
    monkeypatch.setattr("smt.execution.tune_trial.ray.get", fail)
    monkeypatch.setattr("smt.execution.tune_trial.tune.report", reported.append)
    dispatcher = SimpleNamespace(trial=SimpleNamespace(remote=lambda *_: None))
    run_trial({"tasks": [], "settling": None}, dispatcher)
    assert reported == [{"stopped": "the disk is full"}]
