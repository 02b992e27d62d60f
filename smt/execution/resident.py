"""Resident workers: processes that stay, and run one call after the other."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from smt.errors import InputError
from smt.execution.lost import why_lost

TASK_RETRIES = 2
# An overdue call is tried once more: the machine may have been at fault.
TRIES = 2
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Lost:
    """A call without a result, and why: its worker kept dying, or it took too long."""

    reason: str


@dataclass(frozen=True)
class _Running:
    """What a worker does: a call, or starting up where it has none yet."""

    worker: Any
    number: int | None
    since: float


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
    return ray.remote(
        num_cpus=cpus, num_gpus=int(gpu), max_restarts=-1, max_task_retries=TASK_RETRIES
    )(kind)


def run_on_residents(
    call: Callable[..., Any],
    items: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    cpus: int = 1,
    gpu: bool = False,
    limit_s: float | None = None,
) -> Iterator[tuple[int, Any]]:
    """Run `call(*item)` for every item, in their order, on whichever worker is free.

    A call whose worker dies is run again, on whichever is free first, twice at most; one that
    takes longer than the limit is ended with its worker, and run once more.

    Args:
        items: Arguments; an object reference inside a list stays one.
        workers: Processes, each of one GPU too where `gpu`.
        cpus: Of each; 0 where a call only waits for processes of its own.
        limit_s: Seconds a call may take, an import of what it needs included.

    Yields:
        Number of the item, and what the call returned or why it is `Lost`; as they end.
    """
    resident = resident_class(_Resident, gpu=gpu, cpus=cpus)
    running: dict[Any, _Running] = {}

    def start() -> None:
        worker = resident.remote()
        running[worker.ready.remote()] = _Running(worker, None, time.monotonic())

    waiting = deque(range(len(items)))
    overdue, died = Counter[int](), Counter[int]()
    for _ in range(min(workers, len(items))):
        start()
    try:
        while waiting or any(each.number is not None for each in running.values()):
            ended: list[tuple[int, Any]] = []
            for reference in _wait(list(running)):
                each = running.pop(reference)
                found = _found(reference)
                if isinstance(found, RayError) and each.number is not None:
                    # Its node may be lost: it takes no other call until it is up again.
                    up = each.worker.ready.remote()
                    running[up] = _Running(each.worker, None, time.monotonic())
                    died[each.number] += 1
                    if died[each.number] <= TASK_RETRIES:
                        waiting.appendleft(each.number)
                    else:
                        ended.append((each.number, Lost(why_lost(found, died[each.number]))))
                    continue
                if waiting:
                    number = waiting.popleft()
                    begun = each.worker.run.remote(call, items[number])
                    running[begun] = _Running(each.worker, number, time.monotonic())
                else:
                    ray.kill(each.worker)
                if each.number is not None:
                    ended.append((each.number, found))
            for reference, number in _overdue(running, limit_s):
                ray.kill(running.pop(reference).worker)
                start()
                overdue[number] += 1
                if overdue[number] < TRIES:
                    waiting.appendleft(number)
                else:
                    yield number, Lost(f"it took longer than {limit_s:g} s, {TRIES} times")
            # Whoever takes a result may be slow: by now every free worker has its next call.
            yield from ended
    finally:
        for each in running.values():
            ray.kill(each.worker)


def _wait(references: list[Any]) -> list[Any]:
    """All that are ready once one is; none where none is for a while."""
    if not ray.wait(references, timeout=POLL_SECONDS)[0]:
        return []
    ready: list[Any] = ray.wait(references, num_returns=len(references), timeout=0)[0]
    return ready


def limit_seconds(limit_minutes: float | None) -> float | None:
    """Of a call; None for no limit. Raises `InputError` where there is no time at all."""
    if limit_minutes is not None and not limit_minutes > 0:
        raise InputError(f"limit_minutes is {limit_minutes:g}; more than 0 is needed")
    return None if limit_minutes is None else 60 * limit_minutes


def _overdue(running: dict[Any, _Running], limit_s: float | None) -> list[tuple[Any, int]]:
    """Calls that take too long, and their items' numbers."""
    if limit_s is None:
        return []
    last = time.monotonic() - limit_s
    return [
        (reference, each.number)
        for reference, each in running.items()
        if each.number is not None and each.since < last
    ]


def _found(reference: Any) -> Any:
    """What a call returned, why it is `Lost`, or the error of Ray's by which its worker died."""
    try:
        return ray.get(reference)
    except RayTaskError as error:
        return Lost(why_lost(error, 1))
    except RayError as error:
        return error
