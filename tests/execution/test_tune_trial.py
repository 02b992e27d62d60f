import inspect
import pickle
import subprocess
import sys

from smt.execution.dispatcher import Dispatcher
from smt.execution.tune_trial import run_trial
from smt.search.goal import Goal


def test_a_trials_process_does_not_load_torch():
    methods = [method for _, method in inspect.getmembers(Dispatcher, inspect.isfunction)]
    # Ray pickles these with a handle of the dispatcher.
    parameters = [[*inspect.signature(method).parameters.values()] for method in methods]
    needed = pickle.dumps([run_trial, Goal.over(1), parameters])
    script = (
        "import pickle, sys; "
        "found = pickle.loads(sys.stdin.buffer.read()); "
        "print([each for each in ('ray', 'torch', 'sklearn') if each in sys.modules], found[1])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], input=needed, capture_output=True)
    assert loaded.stdout.decode().strip() == f"['ray'] {Goal.over(1)}"
