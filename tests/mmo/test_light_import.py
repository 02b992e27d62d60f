"""The search alone is quick to import: what is heavy is loaded when it is used."""

import json
import resource
import subprocess
import sys

HEAVY = ("ray", "ax", "torch", "botorch", "gpytorch", "torchrec", "sklearn", "plotly", "scipy")


def loaded(script):
    """Which of the heavy modules a fresh process has after the script."""
    script += f"\nimport json, sys; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return json.loads(done.stdout.decode().splitlines()[-1])


def test_importing_optimize_loads_nothing_heavy_and_takes_less_than_3_seconds():
    # Of the CPU: a busy machine takes nothing from it.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert loaded("from smt.mmo import optimize") == []
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_a_quasi_random_search_needs_neither_ray_nor_torch():
    script = (
        "from smt.mmo import optimize\n"
        "from smt.space import Float\n"
        "optimize({'x': Float(0, 1)}, lambda theta, model: theta['x'], models=['a'], trials=2, "
        "method='sobol')"
    )
    assert loaded(script) == ["scipy"]
