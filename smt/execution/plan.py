"""Divide the cluster: what it has, and what is asked of it."""

from collections.abc import Iterable, Mapping, Sequence

import ray
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import ClusterPlan
from smt.execution.resources import Resources
from smt.template.training import Capacity, Training


def plan_cluster(asked: Sequence[tuple[str, Training]], resources: Resources) -> ClusterPlan:
    """Divide the cluster between the warm pool and Ray Train runs of their own.

    Warm workers or runs that it has no room for wait, so that an autoscaler adds nodes.

    Args:
        asked: (model's name, how it is trained). Those that need more than a warm worker has get
            runs of their own.

    Raises:
        InputError: Nobody said that something may wait, and a model asks for more than the
            cluster has; or the resources contradict each other.
    """
    wide = [(name, t) for name, t in asked if resources.isolate or needs_own_run(t)]
    narrow = len(wide) < len(asked)
    _check_counts(resources, narrow=narrow)
    waits = resources.warm_workers is not None or resources.concurrent_runs is not None
    has = ray.cluster_resources()
    gpu = has.get("GPU", 0) >= 1 or (waits and any(t.capacity.gpus for _, t in asked))
    if not waits:
        _check_room(asked, has, narrow=narrow)
    needs = _largest(wide, gpu=gpu)
    if narrow:
        left = {kind: has.get(kind, 0) - needs.get(kind, 0) for kind in ("CPU", "GPU")}
        pool = int(min(left.values()) if gpu else left["CPU"])
        return ClusterPlan(pool=resources.warm_workers or pool, runs=int(bool(wide)), gpu=gpu)
    room = int(min(has.get(kind, 0) // amount for kind, amount in needs.items()))
    return ClusterPlan(pool=0, runs=resources.concurrent_runs or room, gpu=gpu)


def needs_own_run(training: Training) -> bool:
    """Whether it asks for more than a warm worker has: one CPU, and one GPU where there are GPUs.

    Memory too: a warm worker is promised none.
    """
    capacity = training.capacity
    more = capacity.cpus > 1 or capacity.gpus > 1 or capacity.memory_gib is not None
    return training.workers > 1 or more


def announce_wait(
    asked: Iterable[tuple[str, Training]], planned: ClusterPlan, console: Console
) -> None:
    """Say what a run waits for, where it asks for more CPUs than the cluster has now."""
    cpus = planned.pool + int(planned.runs * _largest(asked, gpu=planned.gpu)["CPU"])
    has = int(ray.cluster_resources().get("CPU", 0))
    if cpus > has:
        console.print(
            f"{cpus} CPUs are asked for and the cluster has {has}: the rest waits for nodes that "
            "join",
            highlight=False,
            soft_wrap=True,
        )


def worker_resources(training: Training, *, gpu: bool) -> dict[str, float]:
    """What each worker of a run of its own gets, as Ray names it.

    Args:
        gpu: Whether one that trains alone gets a GPU, though its template asks for none.
    """
    capacity = training.capacity
    gpus = max(capacity.gpus, int(gpu and training.workers == 1))
    resources = {"CPU": float(capacity.cpus)}
    if gpus:
        resources["GPU"] = float(gpus)
    if capacity.memory_gib is not None:
        resources["memory"] = capacity.memory_gib * 2**30
    return resources


def _check_counts(resources: Resources, *, narrow: bool) -> None:
    warm_workers, concurrent_runs = resources.warm_workers, resources.concurrent_runs
    if warm_workers is not None and (not narrow or warm_workers < 1):
        if narrow:
            said = "at least one is needed"
        elif resources.isolate:
            said = "with isolate there are none"
        else:
            said = "models of more than a warm worker have runs of their own: see concurrent_runs"
        raise InputError(f"warm_workers is {warm_workers}; {said}")
    if concurrent_runs is not None and (narrow or concurrent_runs < 1):
        said = "models train on warm workers" if narrow else "at least one is needed"
        raise InputError(f"concurrent_runs is {concurrent_runs}; {said}")


def _check_room(
    asked: Iterable[tuple[str, Training]], has: Mapping[str, float], *, narrow: bool
) -> None:
    who = "workers to wait for: warm_workers" if narrow else "runs to wait for: concurrent_runs"
    wait = f"Where it grows by itself, say how many {who}"
    for name, training in asked:
        if training.workers == 1 and training.capacity == Capacity():
            continue
        for kind, amount in worker_resources(training, gpu=False).items():
            there = has.get(kind, 0)
            if training.workers * amount > there:
                workers = (
                    f"{training.workers} workers of {_amount(kind, amount)} each"
                    if training.workers > 1
                    else f"one worker of {_amount(kind, amount)}"
                )
                raise InputError(
                    f"model '{name}' asks for {workers}; the cluster has "
                    f"{_amount(kind, there)}. {wait}"
                )
    if has.get("CPU", 0) < 1:
        raise InputError(f"evaluations ask for one CPU each; the cluster has none now. {wait}")


def _largest(asked: Iterable[tuple[str, Training]], *, gpu: bool) -> dict[str, float]:
    """What the largest evaluation takes in all, of each kind."""
    largest: dict[str, float] = {}
    for _, training in asked:
        for kind, amount in worker_resources(training, gpu=gpu).items():
            largest[kind] = max(largest.get(kind, 0), training.workers * amount)
    return largest


def _amount(kind: str, amount: float) -> str:
    if kind == "memory":
        return f"{amount / 2**30:,.4g} GiB of memory"
    return f"one {kind}" if amount == 1 else f"{amount:g} {kind}s"
