"""A search's evaluations with sleep in place of training, at one number of workers.

The path is the dispatcher's: trials of 20 models come in as Tune's do, baselines are found, each
evaluation goes to a warm worker, and its record is in the ledger before its trial hears of it.
Tune and the searcher are left out: `orchestration.py` and `surrogate.py` measure them.
"""

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from scaling_launch import MIB
from scaling_sleep import Sealed, Sleeper

from smt.execution.cluster import ClusterPlan
from smt.execution.dispatcher import Dispatcher
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import Ledger
from smt.fleet import ModelSpec, log_name
from smt.storage import Folder
from smt.template import Template

TEST_ROWS = 50_000
"""Losses that a baseline has."""


@dataclass(frozen=True)
class SearchScaling:
    """What one size came to.

    Attributes:
        evaluations: That ended, those of the baselines left out.
        efficiency: Share of the workers' time that they slept.
        rate: Evaluations a second.
        dispatcher_ms: CPU time of the dispatcher's process an evaluation.
        peak_mib: Of the dispatcher's resident memory, at the end.
        list_s, read_s: Seconds that a resumed run takes to list, and to read, the ledger.
    """

    workers: int
    evaluations: int
    efficiency: float
    rate: float
    dispatcher_ms: float
    peak_mib: float
    list_s: float
    read_s: float


@dataclass(frozen=True)
class _Method:
    """What the dispatcher calls as it calls an actor's method."""

    call: Callable[..., Awaitable[Any]]

    def remote(self, *arguments: Any) -> Awaitable[Any]:
        return self.call(*arguments)


class SleepingWorker:
    """To the dispatcher, the handle of a warm worker; the task arrives at a `Sleeper` as bytes."""

    def __init__(self, sleeper: Any, seconds: float) -> None:
        self._sleeper = sleeper
        self._seconds = seconds
        self.ready = sleeper.ready

    @property
    def run(self) -> _Method:
        """As `WarmWorker.run`."""
        return _Method(self._run)

    async def _run(self, task: Task, log: list[Any], losses: list[Any]) -> dict[str, Any]:
        boxed = [] if losses[0] is None else losses
        slept = await self._sleeper.sleep.remote(Sealed(task), boxed, self._seconds)
        seconds = slept.ended - slept.begun
        # Plausible fields in every place: the record is as long as a real one.
        fields = {"ne": 0.87654321, "flops": 123_456, "train_rows": 400_000, "test_rows": TEST_ROWS}
        if task.technique is None:
            evaluation = Evaluation.of(task, **fields, seconds=seconds)
            return {"evaluation": evaluation, "losses": np.zeros(TEST_ROWS, np.float32)}
        return {
            "evaluation": Evaluation.of(task, delta=0.1234, sem=0.0456, **fields, seconds=seconds)
        }


def measure_search(
    models: list[ModelSpec],
    template: Template,
    folder: str,
    *,
    evaluations: int,
    workers: int,
    seconds: float,
) -> SearchScaling:
    """Run trials of these models until so many evaluations have ended.

    As many trials are under way at once as keep every worker at work.

    Args:
        seconds: That an evaluation sleeps.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    sleepers = [ray.remote(num_cpus=1)(Sleeper).remote() for _ in range(workers)]
    pool = [SleepingWorker(sleeper, seconds) for sleeper in sleepers]
    log = ray.put(b"")
    dispatcher: Any = (
        ray.remote(num_cpus=0, scheduling_strategy=here)(Dispatcher)
        # Of the models' one log; nobody opens it.
        .remote(
            folder,
            f"{folder}/baselines",
            template,
            {log_name(models[0].log): [log]},
            ClusterPlan(pool=workers, runs=0),
            pool,
            None,
        )
    )
    ray.get(dispatcher.ready.remote())
    ray.get([dispatcher.baseline.remote(_task(model, template).to_dict()) for model in models])
    process = psutil.Process(ray.get(dispatcher.__ray_call__.remote(_pid)))
    cpu, begun = _cpu_seconds(process), time.perf_counter()
    trials = ceil(evaluations / len(models))
    running: list[Any] = []
    for trial in range(trials):
        tasks = [_task(model, template, trial).to_dict() for model in models]
        running.append(dispatcher.trial.remote(tasks, None))
        if len(running) > ceil(workers / len(models)):
            _, running = ray.wait(running)
    ray.get(running)
    wall = time.perf_counter() - begun
    cpu = _cpu_seconds(process) - cpu
    peak = process.memory_info().rss
    for actor in (dispatcher, *sleepers):
        ray.kill(actor)
    done = trials * len(models)
    list_s, read_s = _time_resume(folder, done)
    return SearchScaling(
        workers=workers,
        evaluations=done,
        efficiency=done * seconds / (workers * wall),
        rate=done / wall,
        dispatcher_ms=1000 * cpu / done,
        peak_mib=peak / MIB,
        list_s=list_s,
        read_s=read_s,
    )


def _task(model: ModelSpec, template: Template, trial: int | None = None) -> Task:
    """A baseline's, or a trial's."""
    what = {} if trial is None else {"technique": "sleep", "trial": trial, "theta": {"n": trial}}
    return Task(template=template, model=model, seed=0, log_digest="0" * 16, **what)


def _time_resume(folder: str, evaluations: int) -> tuple[float, float]:
    """Seconds of listing the ledger's files, and of reading them too."""
    ledger = Ledger(Folder(folder), Folder(f"{folder}/baselines"))
    begun = time.perf_counter()
    listed = len(ledger.folder.list("evaluations", ".json"))
    between = time.perf_counter()
    read = len(ledger.evaluations())
    ended = time.perf_counter()
    if not listed == read == evaluations:
        raise RuntimeError(f"the ledger holds {listed} of {evaluations} evaluations")
    return between - begun, ended - between


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _pid(_: Any) -> int:
    return os.getpid()
