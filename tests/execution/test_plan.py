import io

import pytest
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import ClusterPlan
from smt.execution.plan import announce_wait, needs_own_run, plan_cluster, worker_resources
from smt.execution.resources import Resources, check_resources
from smt.template.training import Capacity, Training

NARROW = Training()
ONE = [("small", NARROW), ("other", NARROW)]
WIDE = [("small", NARROW), ("wide", Training(workers=4))]
GIB = 2.0**30


def of_four(**capacity):
    return [("wide", Training(workers=4, capacity=Capacity(**capacity)))]


def of_one(**capacity):
    return [("big", Training(capacity=Capacity(**capacity)))]


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
        (8, 0, ONE, False, ClusterPlan(pool=8, runs=0)),
        (8, 0, WIDE, False, ClusterPlan(pool=4, runs=1)),
        (8, 0, WIDE, True, ClusterPlan(pool=0, runs=2)),
        (8, 0, of_four(), False, ClusterPlan(pool=0, runs=2)),
        (8, 0, of_four(cpus=2), False, ClusterPlan(pool=0, runs=1)),
        (8, 2, ONE, False, ClusterPlan(pool=2, runs=0, gpu=True)),
        (8, 2, ONE, True, ClusterPlan(pool=0, runs=2, gpu=True)),
        (32, 2, of_four(), False, ClusterPlan(pool=0, runs=8, gpu=True)),
        (32, 8, of_four(gpus=1), False, ClusterPlan(pool=0, runs=2, gpu=True)),
    ],
)
def test_all_cpus_or_gpus_are_divided(cluster, cpus, gpus, asked, isolate, expected):
    cluster(cpus, gpus)
    assert plan_cluster(asked, Resources(isolate=isolate)) == expected


def test_more_warm_workers_than_there_is_room_for_wait_for_it(cluster):
    cluster(0)
    assert plan_cluster(ONE, Resources(warm_workers=64)) == ClusterPlan(pool=64, runs=0)
    cluster(8)
    assert plan_cluster(WIDE, Resources(warm_workers=64)) == ClusterPlan(pool=64, runs=1)


@pytest.mark.parametrize("asked", [ONE, WIDE, of_four(), of_four(gpus=1)])
@pytest.mark.parametrize("cpus", [0, 8])
def test_more_runs_of_their_own_than_there_is_room_for_wait_for_it(cluster, cpus, asked):
    cluster(cpus)
    gpu = any(training.capacity.gpus for _, training in asked)
    expected = ClusterPlan(pool=0, runs=5, gpu=gpu)
    assert plan_cluster(asked, Resources(isolate=True, concurrent_runs=5)) == expected


def test_warm_workers_wait_for_gpus_where_the_template_asks_for_them(cluster):
    cluster(8)
    waiting = plan_cluster(of_one(gpus=1), Resources(warm_workers=4))
    assert waiting == ClusterPlan(pool=4, runs=0, gpu=True)
    cluster(8, 2)
    assert plan_cluster(of_one(gpus=1), Resources()) == ClusterPlan(pool=2, runs=0, gpu=True)


@pytest.mark.parametrize(
    ("cpus", "gpus", "asked", "expected"),
    [
        (8, 0, of_one(cpus=2), ClusterPlan(pool=0, runs=4)),
        (8, 0, of_one(memory_gib=300), ClusterPlan(pool=0, runs=3)),
        (8, 4, of_one(gpus=2), ClusterPlan(pool=0, runs=2, gpu=True)),
        # Beside a GPU, though the template asks for none.
        (8, 2, of_one(cpus=2), ClusterPlan(pool=0, runs=2, gpu=True)),
        (8, 0, [*ONE, *of_one(cpus=3)], ClusterPlan(pool=5, runs=1)),
        (8, 4, [*ONE, *of_one(gpus=3)], ClusterPlan(pool=1, runs=1, gpu=True)),
    ],
)
def test_one_worker_that_asks_for_more_than_a_warm_one_has_gets_a_run_of_its_own(
    cluster, cpus, gpus, asked, expected
):
    cluster(cpus, gpus)
    assert plan_cluster(asked, Resources()) == expected
    assert [needs_own_run(training) for _, training in asked[-1:]] == [True]


@pytest.mark.parametrize(
    ("training", "gpu", "expected"),
    [
        (NARROW, False, {"CPU": 1.0}),
        (NARROW, True, {"CPU": 1.0, "GPU": 1.0}),
        (Training(capacity=Capacity(gpus=2)), True, {"CPU": 1.0, "GPU": 2.0}),
        (
            Training(capacity=Capacity(cpus=3, memory_gib=2.0)),
            False,
            {"CPU": 3.0, "memory": 2 * GIB},
        ),
        # Several workers get what they ask for alone.
        (Training(workers=2, capacity=Capacity(cpus=3)), True, {"CPU": 3.0}),
    ],
)
def test_a_worker_of_a_run_of_its_own_gets_what_its_template_asks_for(training, gpu, expected):
    assert worker_resources(training, gpu=gpu) == expected


def test_the_limit_is_of_seconds_and_more_than_none():
    assert check_resources(None) == Resources()
    assert check_resources(Resources(limit_minutes=1.5)).limit_s == 90.0
    assert Resources().limit_s is None
    for limit in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="more than 0 is needed"):
            check_resources(Resources(limit_minutes=limit))


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
    announce_wait(asked, plan_cluster(asked, Resources()), console)
    assert console.file.getvalue() == ""
    announce_wait(asked, plan_cluster(asked, Resources(**options)), console)
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
        (8, of_one(gpus=1), {}, "'big' asks for one worker of one GPU; the cluster has 0 GPUs"),
        (8, of_one(cpus=9), {}, "one worker of 9 CPUs; the cluster has 8 CPUs. .* runs to wait"),
        (
            8,
            of_one(memory_gib=2048),
            {},
            "one worker of 2,048 GiB of memory; the cluster has 1,024",
        ),
        (8, of_one(cpus=2), {"warm_workers": 3}, "have runs of their own: see concurrent_runs"),
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
        plan_cluster(asked, Resources(**options))
