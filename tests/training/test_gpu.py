"""Training on GPUs: skipped where there is none. `pytest -m gpu`; no GPU has run it yet."""

import multiprocessing
import pickle

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from spread import train_by

from smt.data import open_log
from smt.fleet import ModelSpec
from smt.template import Template, load_version
from smt.training.workers import LOCAL, Workers

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
    torch.set_num_threads(1)
    torch.cuda.set_device(rank)
    meet = f"file://{out}/meet"
    dist.init_process_group("cpu:gloo,cuda:nccl", init_method=meet, rank=rank, world_size=count)
    case = (
        Template.parse(template, source="test"),
        ModelSpec.parse(model, source="test"),
        open_log(path),
        Workers(rank, count),
    )
    found = {plan: train_by(changes, *case) for plan, changes in PLANS.items()}
    (out / f"{rank}.pickle").write_bytes(pickle.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def template():
    return load_version("sparsenn_medium").change("training", batch_size=64)


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
    multiprocessing.set_forkserver_preload(["smt.training"])
    arguments = (2, out, template.to_dict(), lean_model.to_dict(), str(small_log_path))
    torch.multiprocessing.start_processes(work, arguments, nprocs=2, start_method="forkserver")
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
