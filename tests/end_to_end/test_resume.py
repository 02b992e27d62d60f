import os
import signal
import subprocess

import pytest
from disturbance import wait_for
from scripts import ARGUMENTS, command, generalize


def recorded(out):
    return len(list(out.glob("evaluations/*/*.json")))


def start(fleet_file, out):
    return subprocess.Popen(
        command(fleet_file, out, *ARGUMENTS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("evaluations", [pytest.param(0, marks=pytest.mark.slow), 7])
def test_a_killed_driver_resumes_to_the_result_of_an_undisturbed_run(
    finished_run, fleet_file, tmp_path, evaluations
):
    out = tmp_path / "killed"
    driver = start(fleet_file, out)
    wait_for(lambda: (out / "run.json").exists() and recorded(out) >= evaluations)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {path: path.read_bytes() for path in out.glob("evaluations/*/*.json")}
    assert not (out / "result.json").exists()

    generalize(fleet_file, out, *ARGUMENTS, "--resume")

    assert (out / "result.json").read_bytes() == (finished_run.out / "result.json").read_bytes()
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_finished_run_resumes_without_training_anything(finished_run, fleet_file, tmp_path):
    written = {path: path.stat().st_mtime_ns for path in finished_run.out.glob("*/*/*.json")}
    result = (finished_run.out / "result.json").read_bytes()
    generalize(fleet_file, finished_run.out, *ARGUMENTS, "--resume")
    assert {p: p.stat().st_mtime_ns for p in finished_run.out.glob("*/*/*.json")} == written
    assert (finished_run.out / "result.json").read_bytes() == result
