"""The policy alone: attempts that are made here end as calls on a cluster do."""

import asyncio

import pytest
from ray.exceptions import (
    ActorDiedError,
    ActorUnavailableError,
    ObjectLostError,
    OutOfMemoryError,
    RayTaskError,
    WorkerCrashedError,
)
from ray.train import TrainingFailedError

from smt.execution.attempts import Attempts, Lost, ended_worker, is_overdue, try_call, why_lost

LIMIT_S = 0.01
DIED = ActorUnavailableError("gone", None)
MACHINES = [DIED, ActorDiedError(), WorkerCrashedError(), OutOfMemoryError("node")]


def raised(cause):
    """As Ray tells what a call raised."""
    return RayTaskError("call", "traceback", cause).as_instanceof_cause()


def outcomes(*ends, limit_s=None):
    """What attempts that end so come to, and whether each knew that one failed before it."""
    left, told = list(ends), []

    async def attempt(again):
        told.append(again)
        end = left.pop(0)
        if end == "overdue":
            async with asyncio.timeout(limit_s):
                await asyncio.sleep(60)
        if isinstance(end, BaseException):
            raise end
        return end

    found = asyncio.run(try_call(attempt, limit_s))
    assert told == [place > 0 for place in range(len(told))]
    return found, len(told)


def test_a_call_that_succeeds_is_tried_once():
    assert outcomes("done", "again") == ("done", 1)


def test_a_result_may_be_none():
    assert outcomes(None, "again") == (None, 1)


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("death", MACHINES, ids=lambda death: type(death).__name__)
def test_a_call_whose_worker_dies_once_or_twice_is_tried_again(death, deaths):
    assert outcomes(*[death] * deaths, "done") == ("done", deaths + 1)


def test_a_call_whose_worker_dies_three_times_is_lost():
    lost = "its worker died 3 times, as workers do that run out of memory (ActorUnavailableError)"
    assert outcomes(*[DIED] * 3, "done") == (Lost(lost), 3)


def test_a_call_that_takes_too_long_is_tried_once_more():
    assert outcomes("overdue", "done", limit_s=LIMIT_S) == ("done", 2)
    lost = Lost("it took longer than 0.01 s, 2 times")
    assert outcomes("overdue", "overdue", "done", limit_s=LIMIT_S) == (lost, 2)


def test_deaths_and_attempts_that_took_too_long_are_counted_apart():
    ends = [DIED, "overdue", DIED, "done"]
    assert outcomes(*ends, limit_s=LIMIT_S) == ("done", 4)


def test_what_a_call_raises_is_final():
    assert outcomes(raised(ValueError("wrong")), "done") == (Lost("ValueError: wrong"), 1)
    own = Lost("TimeoutError: the store did not answer")
    assert outcomes(raised(TimeoutError("the store did not answer")), "done") == (own, 1)


@pytest.mark.parametrize(
    "cause", [ObjectLostError("a", None, "b"), TrainingFailedError("workers died")]
)
def test_a_call_that_lost_its_data_or_its_own_processes_is_tried_again(cause):
    assert outcomes(raised(cause), raised(cause), "done") == ("done", 3)
    lost, tried = outcomes(*[raised(cause)] * 3, "done")
    assert tried == 3
    assert lost.reason.startswith(f"{type(cause).__name__}: ")


def test_a_cancelled_call_is_not_tried_again():
    tried = []

    async def attempt(_):
        tried.append(True)
        await asyncio.sleep(60)

    async def cancel():
        running = asyncio.create_task(try_call(attempt, None))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return running.cancelled()

    assert asyncio.run(cancel())
    assert len(tried) == 1


def test_every_call_has_attempts_of_its_own():
    first, second = Attempts(None), Attempts(None)
    assert [first.fail(DIED), first.fail(DIED), second.fail(DIED)] == [None] * 3
    assert isinstance(first.fail(DIED), Lost)


def test_a_worker_ends_with_a_death_or_the_limit_but_not_with_what_its_call_raises():
    assert all(ended_worker(end) for end in (*MACHINES, TimeoutError()))
    assert not any(ended_worker(end) for end in (raised(TimeoutError()), raised(DIED), "done"))
    assert is_overdue(TimeoutError())
    assert not is_overdue(raised(TimeoutError()))


def test_a_worker_that_ray_ended_for_its_memory_is_named_and_one_that_died_may_have_been():
    assert why_lost(OutOfMemoryError("node"), 3).startswith("out of memory: ")
    assert why_lost(DIED, 3) == (
        "its worker died 3 times, as workers do that run out of memory (ActorUnavailableError)"
    )
