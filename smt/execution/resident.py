"""Resident workers: processes that stay, and run one call after the other."""

import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import ray
from ray.exceptions import RayError

from smt.execution.attempts import Attempts, ended_worker, is_overdue

POLL_SECONDS = 0.5
LOOK_AHEAD = 256
"""Of the items that wait, among which a worker prefers those that are like its own."""
_FAILURES = (RayError, TimeoutError)


@dataclass(frozen=True)
class _Running:
    """What a worker does: a call, by its item's number, or starting up where it has none."""

    worker: "_Worker"
    number: int | None
    since: float


@dataclass(frozen=True)
class _Worker:
    """A process, and kinds of the items that it has had."""

    handle: Any
    kinds: set[Hashable] = field(default_factory=set)


class _Resident:
    """A process that has imported everything after its first call."""

    @ray.method(max_task_retries=-1)
    def ready(self) -> None:
        """Return once the process is up."""

    # Ray's own tries run out while the worker waits for a CPU to start again on.
    @ray.method(max_task_retries=0)
    def run(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """The call's result."""
        return call(*arguments)


def resident_class(kind: type, *, gpu: bool, cpus: int = 1) -> Any:
    """An actor class of one CPU, and one GPU where `gpu`: Ray starts it again where it dies."""
    return ray.remote(num_cpus=cpus, num_gpus=int(gpu), max_restarts=-1)(kind)


def run_on_residents(
    call: Callable[..., Any],
    items: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    cpus: int = 1,
    gpu: bool = False,
    limit_s: float | None = None,
    kinds: Sequence[Hashable] | None = None,
) -> Generator[tuple[int, Any], None, None]:
    """Run `call(*item)` for every item, about in their order, on whichever worker is free.

    How often a call is tried is in `smt.execution.attempts`.

    Args:
        items: Arguments; an object reference inside a list stays one.
        workers: Processes, each of one GPU too where `gpu`.
        cpus: Of each; 0 where a call only waits for processes of its own.
        limit_s: Seconds a call may take, an import of what it needs included.
        kinds: One an item: a worker keeps what calls for items of its kind need. It takes the
            first of the next `LOOK_AHEAD` items that no other worker is better at. Where None,
            items begin in their order.

    Yields:
        Number of the item, and what the call returned or why it is `Lost`; as they end.
    """
    resident = resident_class(_Resident, gpu=gpu, cpus=cpus)
    waiting = deque(range(len(items)))
    kinds = range(len(items)) if kinds is None else kinds
    had: set[Hashable] = set()
    attempts = [Attempts(limit_s) for _ in items]
    running: dict[Any, _Running] = {}

    def occupy(worker: _Worker, number: int | None) -> None:
        handle = worker.handle
        begun = handle.ready.remote() if number is None else handle.run.remote(call, items[number])
        running[begun] = _Running(worker, number, time.monotonic())

    def take_next(worker: _Worker) -> int:
        ahead = islice(waiting, LOOK_AHEAD)
        fit = (n for n in ahead if kinds[n] in worker.kinds or kinds[n] not in had)
        number = next(fit, waiting[0])
        waiting.remove(number)
        worker.kinds.add(kinds[number])
        had.add(kinds[number])
        return number

    for _ in range(min(workers, len(items))):
        occupy(_Worker(resident.remote()), None)
    try:
        while waiting or any(busy.number is not None for busy in running.values()):
            ended: list[tuple[int, Any]] = []
            for reference, outcome in _outcomes(running, limit_s):
                worker, number = running[reference].worker, running.pop(reference).number
                if number is not None and isinstance(outcome, _FAILURES):
                    lost = attempts[number].fail(outcome)
                    if lost is None:
                        waiting.appendleft(number)
                    else:
                        ended.append((number, lost))
                elif number is not None:
                    ended.append((number, outcome))
                if is_overdue(outcome):
                    ray.kill(worker.handle, no_restart=False)
                if ended_worker(outcome):
                    # What starts again has had nothing.
                    occupy(_Worker(worker.handle), None)
                elif waiting:
                    occupy(worker, take_next(worker))
                else:
                    ray.kill(worker.handle)
            # Whoever takes a result may be slow: by now every free worker has its next call.
            yield from ended
    finally:
        for busy in running.values():
            ray.kill(busy.worker.handle)


def _outcomes(running: dict[Any, _Running], limit_s: float | None) -> list[tuple[Any, Any]]:
    """Of all that ended, and of calls that take too long, once there are any, or after a while.

    By reference: what was returned, Ray's error, or a `TimeoutError`.
    """
    ready: list[Any] = []
    if ray.wait(list(running), timeout=POLL_SECONDS)[0]:
        ready = ray.wait(list(running), num_returns=len(running), timeout=0)[0]
    ended = [(reference, _outcome(reference)) for reference in ready]
    if limit_s is None:
        return ended
    last = time.monotonic() - limit_s
    overdue = [
        reference
        for reference, busy in running.items()
        if busy.number is not None and busy.since < last and reference not in ready
    ]
    return ended + [(reference, TimeoutError()) for reference in overdue]


def _outcome(reference: Any) -> Any:
    """What a call returned, or Ray's error."""
    try:
        return ray.get(reference)
    except RayError as error:
        return error
