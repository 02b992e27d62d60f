"""The Ray cluster: the one at hand, or one on this machine; what it has, what is asked."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import ray

from smt.errors import InputError


@dataclass(frozen=True)
class Capacity:
    """How a run divides the cluster.

    Attributes:
        pool: Warm workers, each a process with one CPU, and one GPU where there are GPUs.
        runs: How many Ray Train runs of their own go at the same time.
        gpu: Whether single-worker evaluations train on GPUs. Untested here: no GPU at hand.
    """

    pool: int
    runs: int
    gpu: bool = False


def connect() -> None:
    """Connect to the running Ray cluster, or start one on this machine where there is none."""
    if ray.is_initialized():
        return
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)


def plan(
    workers_of: Iterable[tuple[str, int]],
    *,
    isolate: bool,
    warm_workers: int | None = None,
    cpus: int = 1,
) -> Capacity:
    """Divide the cluster's CPUs between the warm pool and Ray Train runs of their own.

    Args:
        workers_of: (model's name, workers that its training template asks for).
        isolate: Every evaluation in a run of its own.
        warm_workers: How many; as many as the cluster has CPUs for where None. Those that it
            has no room for wait for it, so that an autoscaler adds nodes.
        cpus: Of each worker of a run of its own.

    Raises:
        InputError: A model asks for more than the cluster has, or options contradict each other.
    """
    if warm_workers is not None and (isolate or warm_workers < 1):
        said = "with isolate there are none" if isolate else "at least one is needed"
        raise InputError(f"warm_workers is {warm_workers}; {said}")
    available = int(ray.cluster_resources().get("CPU", 0))
    asked = dict(workers_of)
    name, largest = max(asked.items(), key=lambda item: item[1])
    if largest * cpus > max(available, 1):
        each = "one CPU" if cpus == 1 else f"{cpus} CPUs"
        raise InputError(
            f"model '{name}' asks for {largest} workers of {each} each; the cluster has "
            f"{available} CPUs"
        )
    if available < 1 and warm_workers is None:
        raise InputError(
            "evaluations ask for one CPU each; the cluster has none now. Where it grows by itself, "
            "say how many workers to wait for: warm_workers"
        )
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if isolate:
        runs = available // (largest * cpus)
        return Capacity(pool=0, runs=min(runs, gpus) if gpus else runs, gpu=gpus > 0)
    runs = 0 if largest == 1 else 1
    if warm_workers is not None:
        return Capacity(pool=warm_workers, runs=runs, gpu=gpus > 0)
    pool = available - largest * runs
    return Capacity(pool=min(pool, gpus) if gpus else pool, runs=runs, gpu=gpus > 0)
