"""Divide the cluster: what it has, and what is asked of it."""

from collections.abc import Iterable, Mapping, Sequence

import ray
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import Capacity
from smt.template.training import Capacity as WorkerCapacity
from smt.template.training import Training


def plan(
    asked: Sequence[tuple[str, Training]],
    *,
    isolate: bool = False,
    warm_workers: int | None = None,
    concurrent_runs: int | None = None,
) -> Capacity:
    """Divide the cluster between the warm pool and Ray Train runs of their own.

    Warm workers or runs that it has no room for wait, so that an autoscaler adds nodes.

    Args:
        asked: (model's name, how it is trained). Those of several workers get runs of their own.
        isolate: All do.
        warm_workers: How many; as many as the cluster has CPUs for where None.
        concurrent_runs: How many runs of their own at once, where there is nothing else; as many
            as the cluster has room for where None.

    Raises:
        InputError: Nobody said that something may wait, and a model asks for more than the
            cluster has; or options contradict each other.
    """
    narrow = not isolate and any(training.workers == 1 for _, training in asked)
    _check_counts(warm_workers, concurrent_runs, narrow=narrow, isolate=isolate)
    waits = warm_workers is not None or concurrent_runs is not None
    has = ray.cluster_resources()
    gpu = has.get("GPU", 0) >= 1 or (waits and any(t.capacity.gpus for _, t in asked))
    if not waits:
        _check_room(asked, has, narrow=narrow)
    needs = _largest(asked, gpu=gpu)
    if narrow:
        runs = int(any(training.workers > 1 for _, training in asked))
        pool = int(has.get("CPU", 0) - (needs["CPU"] if runs else 0))
        pool = min(pool, int(has.get("GPU", 0))) if gpu else pool
        return Capacity(pool=warm_workers or pool, runs=runs, gpu=gpu)
    room = int(min(has.get(kind, 0) // amount for kind, amount in needs.items()))
    return Capacity(pool=0, runs=concurrent_runs or room, gpu=gpu)


def announce_wait(
    asked: Iterable[tuple[str, Training]], capacity: Capacity, console: Console
) -> None:
    """Say what a run waits for, where it asks for more CPUs than the cluster has now."""
    cpus = capacity.pool + int(capacity.runs * _largest(asked, gpu=capacity.gpu)["CPU"])
    has = int(ray.cluster_resources().get("CPU", 0))
    if cpus > has:
        console.print(
            f"{cpus} CPUs are asked for and the cluster has {has}: the rest waits for nodes that "
            "join",
            highlight=False,
            soft_wrap=True,
        )


def worker_resources(capacity: WorkerCapacity) -> dict[str, float]:
    """What one of several workers gets, as Ray names it."""
    resources = {"CPU": float(capacity.cpus)}
    if capacity.gpus:
        resources["GPU"] = float(capacity.gpus)
    if capacity.memory_gib is not None:
        resources["memory"] = capacity.memory_gib * 2**30
    return resources


def _check_counts(
    warm_workers: int | None, concurrent_runs: int | None, *, narrow: bool, isolate: bool
) -> None:
    if warm_workers is not None and (not narrow or warm_workers < 1):
        if narrow:
            said = "at least one is needed"
        elif isolate:
            said = "with isolate there are none"
        else:
            said = "models of several workers have runs of their own: see concurrent_runs"
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
        for kind, amount in _needs(training, gpu=False).items():
            there = has.get(kind, 0)
            if training.workers > 1 and amount > there:
                each = _amount(kind, amount / training.workers)
                raise InputError(
                    f"model '{name}' asks for {training.workers} workers of {each} each; the "
                    f"cluster has {_amount(kind, there)}. {wait}"
                )
    if has.get("CPU", 0) < 1:
        raise InputError(f"evaluations ask for one CPU each; the cluster has none now. {wait}")


def _needs(training: Training, *, gpu: bool) -> dict[str, float]:
    """What an evaluation takes in all: a CPU and a GPU, or what its workers are to get."""
    if training.workers > 1:
        each = worker_resources(training.capacity)
        return {kind: training.workers * amount for kind, amount in each.items()}
    return {"CPU": 1.0, "GPU": 1.0} if gpu else {"CPU": 1.0}


def _largest(asked: Iterable[tuple[str, Training]], *, gpu: bool) -> dict[str, float]:
    """What the largest evaluation takes, of each kind."""
    largest: dict[str, float] = {}
    for _, training in asked:
        for kind, amount in _needs(training, gpu=gpu).items():
            largest[kind] = max(largest.get(kind, 0), amount)
    return largest


def _amount(kind: str, amount: float) -> str:
    if kind == "memory":
        return f"{amount / 2**30:,.4g} GiB of memory"
    return f"one {kind}" if amount == 1 else f"{amount:g} {kind}s"
