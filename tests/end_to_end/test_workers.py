"""A model that two workers train together, disturbed; minutes long: `pytest -m slow`."""

import pytest
from disturbance import driver, processes, wait_for
from launches import rows_of, same_tensors
from scripts import FLEET, run_script

from smt.errors import InputError
from smt.training.state import saved_step

SCRIPT = "instantiate.py"
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
    assert rows_of(out) == rows_of(undisturbed)
    assert [row["outcome"] for row in rows_of(out)] == ["ships"]
    (file,) = out.glob("models/view-all/checkpoint/*.safetensors")
    assert same_tensors(undisturbed / file.relative_to(out), file)
