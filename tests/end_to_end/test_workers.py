"""A model that two workers train together, disturbed; minutes long: `pytest -m slow`."""

import pyarrow.parquet as pq
import pytest
import torch
from conftest import FLEET, run_script
from disturbance import driver, processes, wait_for
from safetensors.torch import load_file

from smt.errors import InputError
from smt.training.state import saved_step

SCRIPT = "instantiate.py"
MEASURED = ("latency_ms", "baseline_latency_ms", "seconds", "device_hours")
WORKER = "ray::RayTrainWorker"


@pytest.fixture
def options(cluster, tmp_path):
    """Of a launch of one model, some sixty steps of its training."""
    text = FLEET.replace("rows: 6000", "rows: 40000")
    models = text.index("models:\n") + len("models:\n")
    (one,) = [line for line in text[models:].splitlines() if "view-all" in line]
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(f"{text[:models]}{one}\n")
    template = ("--template", "sparsenn_small", "--version", "1", "--baseline", "none")
    plan = ("--workers", "2", "--strategy", "fsdp", "--checkpoint-steps", "5")
    return [*map(str, ("--fleet", fleet, *template, *plan))]


def latest_step(out):
    """Steps of the latest whole checkpoint of the model's training; 0 where there is none."""
    steps = [0]
    for checkpoint in out.glob("models/view-all/training-*/checkpoint_*"):
        try:
            steps.append(saved_step(checkpoint))
        except (InputError, OSError):
            # It is being written, or just went.
            continue
    return max(steps)


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_model_whose_run_and_worker_are_killed_is_the_undisturbed_one(nodes, options, tmp_path):
    undisturbed, out = tmp_path / "undisturbed", tmp_path / "killed"
    run_script(SCRIPT, "--out", undisturbed, *options)
    with driver(SCRIPT, "--out", out, *options) as started:
        wait_for(lambda: latest_step(out) >= 10)
        started.kill()
        started.wait()
    wait_for(lambda: not processes(WORKER, nodes.head_node))
    killed_at = latest_step(out)
    assert not (out / "models.parquet").exists()

    with driver(SCRIPT, "--out", out, *options, "--resume") as resumed:
        wait_for(lambda: latest_step(out) != killed_at)
        went_on_at = latest_step(out)
        processes(WORKER, nodes.head_node)[0].kill()
        assert resumed.wait(timeout=300) == 0, resumed.stderr.read()

    assert went_on_at > killed_at
    rows = [pq.read_table(each / "models.parquet").drop(MEASURED) for each in (out, undisturbed)]
    assert rows[0] == rows[1]
    assert rows[0]["outcome"].to_pylist() == ["ships"]
    checkpoint = "models/view-all/checkpoint"
    before, after = (
        load_file(*each.glob(f"{checkpoint}/*.safetensors")) for each in (undisturbed, out)
    )
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
