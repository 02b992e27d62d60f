"""Processes that run evaluations: warm workers, and one that waits for a Ray Train run of its own.

Whoever holds a handle imports this module too, so torch and Ray Train are loaded by workers alone.
"""

# A handle of an actor carries its methods' annotations: as text, they are loaded by nobody.
from __future__ import annotations

from typing import Any

import ray

from smt.execution.attempts import CanceledError
from smt.execution.cluster import ClusterPlan
from smt.execution.evaluation import Task
from smt.execution.resident import resident_class
from smt.loading import load_modules


class WarmWorker:
    """A process that has imported everything and runs one evaluation after the other."""

    def __init__(self) -> None:
        """Import what evaluations need, which takes seconds."""
        load_modules("smt.execution.train_run")

    @ray.method(max_task_retries=-1)
    def ready(self) -> None:
        """Return once the process is up."""

    # Its successor may have to wait for a CPU long after another worker is free.
    @ray.method(max_task_retries=0)
    def run(self, task: Task, log: list[Any], base_losses: list[Any]) -> dict[str, Any]:
        """One evaluation by Ray Train's local mode; references come boxed, to stay references.

        Raises:
            CanceledError: The call was cancelled meanwhile.
        """
        from smt.execution.train_run import run_evaluation

        return run_evaluation(task, log[0], base_losses[0], before_step=_check_canceled)


@ray.remote(num_cpus=0, max_retries=0)
def run_isolated(task: Task, log: list[Any], base_losses: list[Any], gpu: bool) -> dict[str, Any]:
    """One evaluation by a Ray Train run of its own."""
    from smt.execution.train_run import run_evaluation

    return run_evaluation(task, log[0], base_losses[0], own_run=True, gpu=gpu)


def start_warm_workers(cluster: ClusterPlan) -> list[Any]:
    """Handles of warm workers, which may still be starting."""
    worker = resident_class(WarmWorker, gpu=cluster.gpu)
    return [worker.remote() for _ in range(cluster.pool)]


def _check_canceled() -> None:
    """Ray cannot interrupt an actor: it only says that a call was cancelled."""
    if ray.get_runtime_context().is_canceled():
        raise CanceledError
