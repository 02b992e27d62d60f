"""A run of Multi-Model Optimization that loses whatever a run can lose, and goes on."""

import json

import pytest
from disturbance import driver, fill_disk, processes, stopped_by_the_disk, taken, wait_for
from scripts import ARGUMENTS, SCRIPT
from test_resume import recorded

from smt.execution.cluster import connect

# Minutes on two cores, which other tests need more.
pytestmark = pytest.mark.slow


@pytest.fixture
def options(finished_run, fleet_file):
    """Of the undisturbed run, on a cluster of another size: the search is still the same."""
    settings = json.loads((finished_run.out / "result.json").read_text())["settings"]
    trials = ["--concurrent-trials", settings["concurrent_trials"]]
    return ["--fleet", fleet_file, *ARGUMENTS, *trials, "--warm-workers", 1]


@pytest.mark.timeout(900)
def test_a_run_that_loses_its_node_a_trial_its_disk_and_a_worker_ends_with_the_same_result(
    nodes, add_node, finished_run, options, tmp_path
):
    """Three nodes: one is lost at its work, one joins and is used; then the disk is full."""
    out = tmp_path / "disturbed"
    connect()
    add_node(0)

    def here(title):
        return processes(title, *nodes.list_all_nodes())

    # There is no room on the first node: the one worker is on those that come and go.
    with taken(cpus=2):
        lost = add_node(1)
        with driver(SCRIPT.name, "--out", out, *options) as started:
            wait_for(lambda: processes("ray::WarmWorker.run", lost))
            nodes.remove_node(lost, allow_graceful=False)
            joined = add_node(1)
            wait_for(lambda: processes("ray::WarmWorker.run", joined))
            wait_for(lambda: recorded(out) and here("ray::ImplicitFunc.train"))
            here("ray::ImplicitFunc.train")[0].kill()
            fill_disk(*processes("ray::Dispatcher", nodes.head_node))
            stopped_by_the_disk(started, out)
    before = {path: path.read_bytes() for path in out.glob("evaluations/*/*.json")}
    failures = [json.loads(content)["failure"] for content in before.values()]
    assert before
    assert all(each is None or "FLOPs" in each for each in failures), failures

    with driver(SCRIPT.name, "--out", out, *options, "--resume") as started:
        wait_for(lambda: here("ray::WarmWorker.run"))
        here("ray::WarmWorker.run")[0].kill()
        _, said = started.communicate(timeout=240)
    assert started.returncode == 0, said
    assert (out / "result.json").read_bytes() == (finished_run.out / "result.json").read_bytes()
    assert all(path.read_bytes() == content for path, content in before.items())
