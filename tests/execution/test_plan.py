import pytest

from smt.errors import InputError
from smt.execution.cluster import Capacity, plan

ONE = [("small", 1), ("other", 1)]
WIDE = [("small", 1), ("wide", 4)]


@pytest.fixture
def cluster(monkeypatch):
    """(CPUs, GPUs) -> the cluster has them."""

    def has(cpus, gpus=0):
        found = {"CPU": float(cpus), "GPU": float(gpus)}
        monkeypatch.setattr("ray.cluster_resources", lambda: {k: v for k, v in found.items() if v})

    return has


@pytest.mark.parametrize(
    ("cpus", "gpus", "asked", "isolate", "expected"),
    [
        (8, 0, ONE, False, Capacity(pool=8, runs=0)),
        (8, 0, WIDE, False, Capacity(pool=4, runs=1)),
        (8, 0, WIDE, True, Capacity(pool=0, runs=2)),
        (8, 2, ONE, False, Capacity(pool=2, runs=0, gpu=True)),
        (8, 2, ONE, True, Capacity(pool=0, runs=2, gpu=True)),
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


@pytest.mark.parametrize(
    ("cpus", "asked", "options", "said"),
    [
        (0, ONE, {"isolate": False}, "the cluster has none now. .* say how many workers to wait"),
        (2, WIDE, {"isolate": False}, "model 'wide' asks for 4 workers .* the cluster has 2 CPUs"),
        (8, ONE, {"isolate": True, "warm_workers": 3}, "with isolate there are none"),
        (8, ONE, {"isolate": False, "warm_workers": 0}, "at least one is needed"),
    ],
)
def test_what_cannot_be_is_refused(cluster, cpus, asked, options, said):
    cluster(cpus)
    with pytest.raises(InputError, match=said):
        plan(asked, **options)
