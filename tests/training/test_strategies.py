"""Every way to spread a network over workers trains as one worker does, and goes on as another."""

import pickle

import numpy as np
import pytest
import torch
from spread import joined, start_workers, train_by

from smt.data import open_log
from smt.errors import InputError
from smt.template import build, load_version
from smt.training.checkpoint import held_sizes, read_tensors
from smt.training.state import saved_step
from smt.training.workers import LOCAL

# Minutes on two cores, which other tests need more.
pytestmark = pytest.mark.slow

STEPS, SAVED = 40, 20
# At a half-life of 2, or of 4 from a saved training, a hidden unit is zero but for rounding, and
# its ReLU lets a gradient through on one side only: data-parallel or sharded alike.
GATED = {"frequency_gate": 2.0, "position_weighting": {"max_positions": 6, "half_life": 1.0}}
ADAGRAD = {"table_optimizer": "adagrad"}
STANDARDISED = {"numeric": {"kind": "standardised"}}
CLIPPED = {"clip_norm": 0.05, "ema_decay": 0.9}

PLANS = {
    "data_parallel": ({}, {}, {}),
    "fsdp": ({"dense": "fsdp"}, {}, {}),
    "hybrid": ({"dense": "hybrid", "shard_workers": 2}, {}, {}),
    "copied tables": ({"tables": "data_parallel"}, {}, {}),
    "fsdp, copied tables": ({"dense": "fsdp", "tables": "data_parallel"}, {}, {}),
    "whole tables": ({"tables": "table_wise"}, ADAGRAD, {}),
    "columns": ({"dense": "fsdp", "tables": "column_wise"}, ADAGRAD, {}),
    "fsdp, clipped": ({"dense": "fsdp"}, CLIPPED, {}),
    "fsdp, weighed": ({"dense": "fsdp"}, {}, GATED),
    "fsdp, standardised": ({"dense": "fsdp"}, {}, STANDARDISED),
}
RUNS = {
    2: [name for name in PLANS if name != "hybrid"],
    4: ["data_parallel", "fsdp", "hybrid", "columns"],
}
# Workers, whose checkpoint, and the plan that goes on from it.
CONTINUED = [
    (2, "1: data_parallel", "fsdp"),
    (2, "2: data_parallel", "fsdp, copied tables"),
    (2, "2: copied tables", "data_parallel"),
    (2, "1: fsdp, weighed", "fsdp, weighed"),
    (1, "2: fsdp", "data_parallel"),
    (1, "2: fsdp, clipped", "fsdp, clipped"),
    (1, "2: fsdp, weighed", "fsdp, weighed"),
    (1, "2: fsdp, standardised", "fsdp, standardised"),
    (1, "2: columns", "columns"),
    (4, "2: fsdp", "hybrid"),
    (4, "2: columns", "columns"),
    (4, "1: columns", "columns"),
]


def work(rank, count, out, template, model, path):
    with joined("gloo", rank, count, out, template, model, path) as case:
        found = {
            plan: train_by(PLANS[plan], *case, save=(SAVED, out / f"{count}: {plan}"))
            for plan in RUNS[count]
        }
        for workers, before, plan in CONTINUED:
            if workers == count:
                found[before, plan] = train_by(PLANS[plan], *case, after=out / before)
        (out / f"{count}-{rank}.pickle").write_bytes(pickle.dumps(found))


@pytest.fixture(scope="module")
def template():
    return load_version("sparsenn_medium").change("training", batch_size=80, judge="frozen")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("strategies")


@pytest.fixture(scope="module")
def alone(template, lean_model, small_log_path, out):
    """Plan -> what one worker finds, whatever the plan says of several."""
    log = open_log(small_log_path)
    return {
        plan: train_by(changes, template, lean_model, log, LOCAL, save=(SAVED, out / f"1: {plan}"))
        for plan, changes in PLANS.items()
    }


@pytest.fixture(scope="module")
def together(alone, template, lean_model, small_log_path, out):
    """Number of workers -> what each of them finds."""
    found = {}
    for count in RUNS:
        start_workers(work, count, out, template, lean_model, small_log_path)
        files = [out / f"{count}-{rank}.pickle" for rank in range(count)]
        found[count] = [pickle.loads(file.read_bytes()) for file in files]
    return found


CASES = pytest.mark.parametrize(
    ("count", "plan"), [(count, plan) for count, plans in RUNS.items() for plan in plans]
)


def curve(ranks, key):
    """Losses of the whole batches."""
    return np.mean([rank[key]["losses"] for rank in ranks], axis=0)


def scores(found):
    return 1 / (1 + np.exp(-found["logits"]))


@CASES
def test_a_plan_follows_the_loss_curve_of_one_worker(count, plan, alone, together):
    assert len(alone[plan]["losses"]) == STEPS
    found = curve(together[count], plan)
    np.testing.assert_allclose(found, alone[plan]["losses"], rtol=1e-4)


@CASES
def test_all_workers_of_a_plan_predict_what_one_predicts(count, plan, alone, together):
    for rank in together[count]:
        np.testing.assert_allclose(scores(rank[plan]), scores(alone[plan]), atol=1e-4)


@pytest.mark.parametrize(
    ("plan", "kinds"),
    [
        ("data_parallel", {"Tensor", "ShardedTensor"}),
        ("fsdp", {"Tensor", "DTensor", "ShardedTensor"}),
        ("copied tables", {"Tensor"}),
        ("fsdp, copied tables", {"Tensor", "DTensor"}),
    ],
)
def test_a_plan_spreads_what_it_says(plan, kinds, together):
    assert [rank[plan]["kinds"] for rank in together[2]] == [kinds, kinds]


@CASES
def test_a_plain_network_takes_what_the_workers_gather(
    count, plan, alone, together, lean_model, small_log
):
    first, *others = (rank[plan]["whole"] for rank in together[count])
    assert all(not other for other in others)
    network = build(alone[plan]["template"], lean_model, small_log.schema)
    network.load_state_dict(first)
    for name, value in alone[plan]["whole"].items():
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("count", "before", "plan"), CONTINUED)
def test_a_saved_training_goes_on_under_another_plan(
    count, before, plan, alone, together, template, lean_model, small_log_path, out
):
    saved = out / before
    if count == 1:
        log = open_log(small_log_path)
        one = train_by(PLANS[plan], template, lean_model, log, LOCAL, after=saved)
        found = [{(before, plan): one}]
    else:
        found = together[count]
    assert saved_step(saved) == SAVED
    expected = alone[plan]
    losses = curve(found, (before, plan))
    np.testing.assert_allclose(losses, expected["losses"][SAVED:], rtol=1e-4)
    for rank in found:
        np.testing.assert_allclose(scores(rank[before, plan]), scores(expected), atol=1e-4)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_saved_training_without_one_workers_share_is_refused(lost, together, out, tmp_path):
    saved = sorted((out / "2: fsdp").iterdir())
    assert len(saved) == 2
    left = saved[1 - lost]
    (tmp_path / left.name).write_bytes(left.read_bytes())
    state = {name: torch.zeros(size) for name, size in held_sizes(out / "2: fsdp").items()}
    with pytest.raises(InputError, match=r"parts of '.+' are missing|no checkpoint of this"):
        read_tensors(state, tmp_path)
    assert not any(tensor.any() for tensor in state.values())
