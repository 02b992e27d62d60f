"""Training on GPUs: skipped where there is none. `pytest -m gpu`; no GPU has run it yet."""

import pickle

import numpy as np
import pytest
import torch
from spread import joined, start_workers, train_by

from smt.data import open_log
from smt.template import load_version
from smt.training.workers import LOCAL

GPUS = torch.cuda.device_count()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(900),
    pytest.mark.skipif(GPUS == 0, reason="there is no GPU"),
]

STEPS = 50
PLANS = {
    "data_parallel": ({}, {}, {}),
    "fsdp": ({"dense": "fsdp"}, {}, {}),
    "fsdp, offloaded": ({"dense": "fsdp", "offload": True}, {}, {}),
    "rows": ({"dense": "fsdp", "tables": "row_wise"}, {}, {}),
    "columns": ({"tables": "column_wise"}, {"table_optimizer": "adagrad"}, {}),
}
# Sums of products in another order, float32 as on the CPU.
CLOSE = {"rtol": 1e-3}


def work(rank, count, out, template, model, path):
    torch.cuda.set_device(rank)
    with joined("cpu:gloo,cuda:nccl", rank, count, out, template, model, path) as case:
        found = {plan: train_by(changes, *case) for plan, changes in PLANS.items()}
        (out / f"{rank}.pickle").write_bytes(pickle.dumps(found))


@pytest.fixture(scope="module")
def template():
    return load_version("sparsenn_medium").change("training", batch_size=64, judge="frozen")


@pytest.fixture(scope="module")
def alone(template, lean_model, small_log_path):
    """What the CPU finds, by the tables' optimizer."""
    log = open_log(small_log_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        return {
            plan: train_by(changes, template, lean_model, log, LOCAL)
            for plan, changes in PLANS.items()
        }


@pytest.fixture(scope="module")
def together(template, lean_model, small_log_path, tmp_path_factory):
    """What each of two workers finds, a GPU each, over NCCL."""
    out = tmp_path_factory.mktemp("gpus")
    start_workers(work, 2, out, template, lean_model, small_log_path)
    return [pickle.loads((out / f"{rank}.pickle").read_bytes()) for rank in range(2)]


def test_one_gpu_follows_the_loss_curve_of_the_cpu(template, lean_model, small_log_path, alone):
    log = open_log(small_log_path)
    found = train_by(PLANS["data_parallel"], template, lean_model, log, LOCAL)
    assert len(found["losses"]) == STEPS
    np.testing.assert_allclose(found["losses"], alone["data_parallel"]["losses"], **CLOSE)


@pytest.mark.skipif(GPUS < 2, reason="there are not two GPUs")
@pytest.mark.parametrize("plan", PLANS)
def test_two_gpus_follow_the_loss_curve_of_the_cpu(plan, alone, together):
    losses = np.mean([rank[plan]["losses"] for rank in together], axis=0)
    np.testing.assert_allclose(losses, alone[plan]["losses"], **CLOSE)
