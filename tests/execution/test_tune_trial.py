import subprocess
import sys

import pytest
from ray import cloudpickle
from ray.actor import _modify_class

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
