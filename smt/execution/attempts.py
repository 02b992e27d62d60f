"""How often a call is tried, how long it may take, and how its loss reads: one policy for all.

A call whose worker or node dies is tried again, twice at most. One that takes longer than the limit
is ended with its worker, and tried once more: the machine may have been at fault. What a call
itself raises is final, as another try would end alike. A worker that ended takes no other call
until it is up again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from smt.errors import sentence

DEATHS = 3
OVERDUE = 2

Result = TypeVar("Result")


class CanceledError(Exception):
    """Nobody waits for the call any more."""


@dataclass(frozen=True)
class Lost:
    """A call without a result, and why: its worker kept dying, or it took too long."""

    reason: str


class Attempts:
    """The attempts at one call that came to nothing."""

    def __init__(self, limit_s: float | None) -> None:
        """None yet, of a call that may take so many seconds; None for no limit."""
        self._limit_s = limit_s
        self._died = self._overdue = 0

    def fail(self, error: Exception) -> Lost | None:
        """Count one more; why the call is lost, or None where it is to be tried again.

        Args:
            error: A `TimeoutError` where the attempt took too long; else Ray's error.
        """
        if isinstance(error, RayTaskError) and not _says_a_machine_failed(error.cause):
            return Lost(sentence(error.cause))
        if is_overdue(error):
            self._overdue += 1
            if self._overdue < OVERDUE:
                return None
            return Lost(f"it took longer than {self._limit_s:g} s, {OVERDUE} times")
        self._died += 1
        return None if self._died < DEATHS else Lost(why_lost(error, self._died))


async def try_call(
    attempt: Callable[[bool], Awaitable[Result]], limit_s: float | None
) -> Result | Lost:
    """What the first attempt that comes to something returns, or why the call is lost.

    A cancellation ends it.

    Args:
        attempt: (whether one failed before) -> the result. It raises `TimeoutError` once it took
            longer than the limit.
    """
    attempts, again = Attempts(limit_s), False
    while True:
        try:
            return await attempt(again)
        except (TimeoutError, RayError) as error:
            lost = attempts.fail(error)
        if lost is not None:
            return lost
        again = True


def is_overdue(error: object) -> bool:
    """Whether an attempt took too long; a call may raise a `TimeoutError` of its own."""
    return isinstance(error, TimeoutError) and not isinstance(error, RayError)


def ended_worker(error: object) -> bool:
    """Whether the worker ended too: it died, or is ended for taking too long."""
    if isinstance(error, RayTaskError):
        return False
    return is_overdue(error) or isinstance(error, RayError)


def why_lost(error: Exception, times: int) -> str:
    """Why a call came to nothing, in one sentence, for a row of a table.

    Ray and the system end a process that takes too much memory. Of a worker that is started again
    Ray does not tell that from another end.

    Args:
        times: How often it was tried.
    """
    if isinstance(error, RayTaskError):
        return sentence(error.cause)
    if isinstance(error, OutOfMemoryError):
        return f"out of memory: its worker was ended for it {times} times"
    return (
        f"its worker died {times} times, as workers do that run out of memory "
        f"({type(error).__name__})"
    )


def _says_a_machine_failed(cause: BaseException) -> bool:
    """Of what ended a call: a process of its own, or data that it asked Ray for, was lost."""
    # Ray Train takes seconds to import, and no other process needs it but workers.
    from ray.train import TrainingFailedError

    return isinstance(cause, RayError | TrainingFailedError)
