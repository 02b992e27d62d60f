"""Faults that come while a run goes on."""

import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import ray
from ray.util import placement_group, remove_placement_group
from scripts import SCRIPT


def wait_for(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def processes(title, *nodes):
    """Ray's workers of these nodes that do this now; others use the machine too."""
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    children = [child for pid in raylets for child in psutil.Process(pid).children()]
    return [child for child in children if _title(child).startswith(title)]


def _title(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def taken(cpus):
    """So many of the first node's CPUs are in use: a run's workers are on nodes that join."""
    group = placement_group([{"CPU": cpus}])
    ray.get(group.ready())
    try:
        yield
    finally:
        remove_placement_group(group)


@contextmanager
def driver(script, *arguments):
    """A process that runs a script of experiments/ meanwhile; it does not outlive the test."""
    command = [sys.executable, str(SCRIPT.with_name(script)), *map(str, arguments)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as started:
        try:
            yield started
        finally:
            started.kill()


def fill_disk(process):
    """From now on the process can write to no file: the system refuses it."""
    process.rlimit(psutil.RLIMIT_FSIZE, (0, psutil.RLIM_INFINITY))


def stopped_by_the_disk(started, out):
    """A driver ends with one sentence, says what it could not write, and leaves nothing half."""
    _, said = started.communicate(timeout=240)
    assert started.returncode == 1, said
    # Ray, whose own logs of the process cannot be written either, may say so beside it.
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert error.startswith(f"error: {out}/")
    assert "cannot be written: File too large" in error
    assert "Traceback" not in said, said
    assert not list(out.rglob("*.partial"))
