import io

import pytest
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import Capacity
from smt.execution.plan import announce_wait, plan
from smt.template.training import Capacity as WorkerCapacity
from smt.template.training import Training

NARROW = Training()
ONE = [("small", NARROW), ("other", NARROW)]
WIDE = [("small", NARROW), ("wide", Training(workers=4))]


def of_four(**capacity):
    return [("wide", Training(workers=4, capacity=WorkerCapacity(**capacity)))]


@pytest.fixture
def cluster(monkeypatch):
    """(CPUs, GPUs) -> the cluster has them, and a TiB of memory."""

    def has(cpus, gpus=0):
        found = {"CPU": float(cpus), "GPU": float(gpus), "memory": float(2**40)}
        monkeypatch.setattr("ray.cluster_resources", lambda: {k: v for k, v in found.items() if v})

    return has


@pytest.mark.parametrize(
    ("cpus", "gpus", "asked", "isolate", "expected"),
    [
        (8, 0, ONE, False, Capacity(pool=8, runs=0)),
        (8, 0, WIDE, False, Capacity(pool=4, runs=1)),
        (8, 0, WIDE, True, Capacity(pool=0, runs=2)),
        (8, 0, of_four(), False, Capacity(pool=0, runs=2)),
        (8, 0, of_four(cpus=2), False, Capacity(pool=0, runs=1)),
        (8, 2, ONE, False, Capacity(pool=2, runs=0, gpu=True)),
        (8, 2, ONE, True, Capacity(pool=0, runs=2, gpu=True)),
        (32, 2, of_four(), False, Capacity(pool=0, runs=8, gpu=True)),
        (32, 8, of_four(gpus=1), False, Capacity(pool=0, runs=2, gpu=True)),
    ],
)
def test_all_cpus_or_gpus_are_divided(cluster, cpus, gpus, asked, isolate, expected):
    cluster(cpus, gpus)
    assert plan(asked, isolate=isolate) == expected


def test_more_warm_workers_than_there_is_room_for_wait_for_it(cluster):
    cluster(0)
    assert plan(ONE, isolate=False, warm_workers=64) == Capacity(pool=64, runs=0)
    cluster(8)
    assert plan(WIDE, isolate=False, warm_workers=64) == Capacity(pool=64, runs=1)


@pytest.mark.parametrize("asked", [ONE, WIDE, of_four(), of_four(gpus=1)])
@pytest.mark.parametrize("cpus", [0, 8])
def test_more_runs_of_their_own_than_there_is_room_for_wait_for_it(cluster, cpus, asked):
    cluster(cpus)
    gpu = any(training.capacity.gpus for _, training in asked)
    expected = Capacity(pool=0, runs=5, gpu=gpu)
    assert plan(asked, isolate=True, concurrent_runs=5) == expected


def test_warm_workers_wait_for_gpus_where_the_template_asks_for_them(cluster):
    cluster(8)
    asked = [("small", Training(capacity=WorkerCapacity(gpus=1)))]
    assert plan(asked, isolate=False, warm_workers=4) == Capacity(pool=4, runs=0, gpu=True)
    assert plan(asked, isolate=False) == Capacity(pool=8, runs=0)


@pytest.mark.parametrize(
    ("asked", "options", "cpus"),
    [
        (ONE, {"warm_workers": 64}, 64),
        (WIDE, {"warm_workers": 16}, 20),
        (of_four(cpus=2), {"concurrent_runs": 3}, 24),
    ],
)
def test_what_a_run_waits_for_is_said(cluster, asked, options, cpus):
    cluster(8)
    console = Console(file=io.StringIO(), width=80)
    announce_wait(asked, plan(asked), console)
    assert console.file.getvalue() == ""
    announce_wait(asked, plan(asked, **options), console)
    assert console.file.getvalue() == (
        f"{cpus} CPUs are asked for and the cluster has 8: the rest waits for nodes that join\n"
    )


@pytest.mark.parametrize(
    ("cpus", "asked", "options", "said"),
    [
        (0, ONE, {"isolate": False}, "the cluster has none now. .* say how many workers to wait"),
        (0, ONE, {"isolate": True}, "has none now. .* how many runs to wait for: concurrent_runs"),
        (2, WIDE, {"isolate": False}, "model 'wide' asks for 4 workers .* the cluster has 2 CPUs"),
        (1, of_four(), {}, "4 workers of one CPU each; the cluster has one CPU. .* runs to wait"),
        (8, of_four(gpus=2), {}, "4 workers of 2 GPUs each; the cluster has 0 GPUs"),
        (8, of_four(memory_gib=512), {}, "of 512 GiB of memory each; the cluster has 1,024 GiB"),
        (8, ONE, {"isolate": True, "warm_workers": 3}, "with isolate there are none"),
        (8, of_four(), {"warm_workers": 3}, "have runs of their own: see concurrent_runs"),
        (8, ONE, {"isolate": False, "warm_workers": 0}, "at least one is needed"),
        (8, ONE, {"concurrent_runs": 2}, "models train on warm workers"),
        (8, WIDE, {"isolate": True, "concurrent_runs": 0}, "at least one is needed"),
    ],
)
def test_what_cannot_be_is_refused(cluster, cpus, asked, options, said):
    cluster(cpus)
    with pytest.raises(InputError, match=said):
        plan(asked, **options)
