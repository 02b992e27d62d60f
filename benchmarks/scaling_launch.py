"""The launch of a fleet with sleep in place of training, at one number of workers.

The path is `instantiate`'s: jobs in a queue, resident workers, every model's files and record
written by the driver, a line a model. A worker returns what a worker returned that really trained
a model, of the same size.
"""

import math
import os
import pickle
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil  # type: ignore[import-untyped]
import ray
from rich.console import Console
from scaling_sleep import Sealed, Slept, sleep_instead

from smt.execution.attempts import Lost
from smt.execution.resident import run_on_residents
from smt.model_iteration.instance import Evidence, Job
from smt.model_iteration.instantiate import follow
from smt.model_iteration.make import Made
from smt.model_iteration.model_files import write_made
from smt.storage import Folder

MIB = 2**20


@dataclass(frozen=True)
class Scaling:
    """What one size came to.

    Attributes:
        evaluations: That ended.
        start_s: From the call until every worker was at its first evaluation.
        efficiency: Share of the workers' time that they slept, while all were at work.
        whole_efficiency: The same from the call to the last end: start and last round included.
        rate: Evaluations a second, while all were at work.
        driver_ms: CPU time of the driver's process an evaluation, all threads.
        record_ms: Wall time an evaluation of writing its files, durably.
        peak_mib: Of the driver's resident memory.
    """

    workers: int
    evaluations: int
    start_s: float
    efficiency: float
    whole_efficiency: float
    rate: float
    driver_ms: float
    record_ms: float
    peak_mib: float


@dataclass
class Memory:
    """Resident bytes of this process at their highest so far."""

    peak: int = 0


@contextmanager
def watched_memory(every_s: float = 0.1) -> Iterator[Memory]:
    """Look at this process's memory by a thread, until the end of the block."""
    memory, ended = Memory(), threading.Event()

    def look() -> None:
        while not ended.wait(every_s):
            memory.peak = max(memory.peak, psutil.Process().memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        ended.set()
        watcher.join()


@dataclass
class _Watch:
    """Ended calls as the driver sees them: wall and CPU clock after each, seconds of writing."""

    calls: list[Slept]
    marks: list[tuple[float, float]]
    record_s: float = 0.0


def measure_launch(
    jobs: Sequence[Job],
    sample: Made,
    folder: Folder,
    *,
    workers: int,
    seconds: float,
    steady_s: float | None,
) -> Scaling:
    """Launch on resident workers.

    Args:
        jobs: The queue.
        sample: What every worker returns, but for the name and the key.
        seconds: That a call sleeps.
        steady_s: End so long after all workers are at work; once the queue is empty where None.

    Raises:
        RuntimeError: A call was lost, or not all workers started before the end.
    """
    reference = ray.put(pickle.dumps(sample))
    items = [(Sealed(job), [reference], seconds) for job in jobs]
    watch = _Watch([], [])
    with watched_memory() as memory, open(os.devnull, "w") as nowhere:
        launched = time.time()
        # A generator, which ends the workers when closed.
        running: Any = run_on_residents(sleep_instead, items, workers=workers)
        with closing(running) as calls:
            evidence = _recorded(calls, jobs, folder, watch)
            seen: set[int] = set()
            ends = math.inf
            for _ in follow(evidence, 0, len(jobs), Console(file=nowhere)):
                watch.marks.append((time.time(), time.process_time()))
                seen.add(watch.calls[-1].worker)
                if steady_s is not None and ends == math.inf and len(seen) == workers:
                    ends = time.time() + steady_s
                if time.time() > ends:
                    break
    return _scaling(watch, launched, workers, memory.peak)


def _recorded(
    calls: Iterator[tuple[int, Slept | Lost]], jobs: Sequence[Job], folder: Folder, watch: _Watch
) -> Iterator[Evidence]:
    for number, slept in calls:
        if isinstance(slept, Lost):
            raise RuntimeError(f"evaluation {number} was lost: {slept.reason}")
        made: Made = pickle.loads(slept.made)
        name = jobs[number].model.name
        made = replace(made, evidence=made.evidence.model_copy(update={"model": name}))
        begun = time.perf_counter()
        evidence = write_made(jobs[number], made, folder)
        watch.record_s += time.perf_counter() - begun
        watch.calls.append(replace(slept, made=b""))
        yield evidence


def _scaling(watch: _Watch, launched: float, workers: int, peak: int) -> Scaling:
    calls, count = watch.calls, len(watch.calls)
    opened, closed = common_window(calls, workers)
    steady = [mark for mark in watch.marks if mark[0] >= opened]
    (first, cpu_before), (last, cpu_after) = steady[0], steady[-1]
    slept = sum(call.ended - call.begun for call in calls)
    return Scaling(
        workers=workers,
        evaluations=count,
        start_s=opened - launched,
        efficiency=slept_share(calls, workers, opened, closed),
        whole_efficiency=slept / (workers * (max(call.ended for call in calls) - launched)),
        rate=(len(steady) - 1) / (last - first),
        driver_ms=1000 * (cpu_after - cpu_before) / (len(steady) - 1),
        record_ms=1000 * watch.record_s / count,
        peak_mib=peak / MIB,
    )


def common_window(calls: Sequence[Slept], workers: int) -> tuple[float, float]:
    """When the last worker began its first call, and when the first worker ended its last.

    Raises:
        RuntimeError: Fewer workers are among the calls, or there is no such time.
    """
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for call in calls:
        first[call.worker] = min(first.get(call.worker, call.begun), call.begun)
        last[call.worker] = max(last.get(call.worker, call.ended), call.ended)
    if len(first) < workers:
        raise RuntimeError(f"{len(first)} of {workers} workers had a call; measure for longer")
    opened, closed = max(first.values()), min(last.values())
    if opened >= closed:
        raise RuntimeError("the workers were never at work all at once; measure for longer")
    return opened, closed


def slept_share(calls: Sequence[Slept], workers: int, opened: float, closed: float) -> float:
    """Share of the workers' time in a window that was inside calls."""
    slept = sum(max(0.0, min(call.ended, closed) - max(call.begun, opened)) for call in calls)
    return slept / (workers * (closed - opened))
