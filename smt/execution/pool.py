"""Where evaluations run: on warm workers, or each in a Ray Train run of its own."""

import asyncio
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from smt.execution.attempts import Lost, ended_worker, is_overdue, try_call
from smt.execution.cluster import ClusterPlan
from smt.execution.evaluation import Task
from smt.execution.plan import needs_own_run
from smt.execution.warm_worker import run_isolated


class Pool:
    """First come, first served over the warm workers.

    An evaluation that needs more than a warm worker has, or every one where there are none, gets a
    Ray Train run of its own. How often it is tried is in `smt.execution.attempts`.
    """

    def __init__(self, workers: list[Any], cluster: ClusterPlan, limit_s: float | None) -> None:
        """Take work once `fill` is awaited."""
        self.joined = 0
        self._one_joined = asyncio.Event()
        self._workers = workers
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        self._joining: set[asyncio.Task[None]] = set()
        self._gpu = cluster.gpu
        self._runs = asyncio.Semaphore(cluster.runs)
        self._limit_s = limit_s

    @property
    def waiting(self) -> bool:
        """No warm worker has a CPU: they are starting, or wait for one."""
        return bool(self._workers) and self.joined == 0

    async def fill(self) -> None:
        """Let each warm worker take work once it is up; return when all are.

        On a cluster that others use too, a worker may have to wait for its CPU.
        """
        await asyncio.gather(*(self._join(worker) for worker in self._workers))

    async def first(self) -> None:
        """Return once a warm worker takes work, at once where there are none."""
        if self._workers:
            await self._one_joined.wait()

    async def run(self, task: Task, log: list[Any], base_losses: Any) -> dict[str, Any] | Lost:
        """What `run_evaluation` returns, or why the evaluation is lost."""
        isolated = needs_own_run(task.training) or not self._workers

        async def attempt(again: bool) -> dict[str, Any]:
            if isolated:
                async with self._runs:
                    return await self._result(
                        run_isolated.remote(task, log, [base_losses], self._gpu)
                    )
            worker = await self._take(alive=again)
            return await self._run_on(worker, task, log, [base_losses])

        return await try_call(attempt, self._limit_s)

    def stop(self) -> None:
        """End the warm workers."""
        for worker in self._workers:
            ray.kill(worker)

    async def _join(self, worker: Any) -> None:
        await worker.ready.remote()
        self.joined += 1
        self._one_joined.set()
        self._idle.put_nowait(worker)

    def _leave(self, worker: Any) -> None:
        """Take a worker that died out, until it is up again."""
        self.joined -= 1
        joining = asyncio.create_task(self._join(worker))
        self._joining.add(joining)
        joining.add_done_callback(self._joining.discard)

    async def _take(self, *, alive: bool) -> Any:
        """An idle worker; one of a lost node may be among those, unless `alive` is asked for."""
        while True:
            worker = await self._idle.get()
            if not alive:
                return worker
            try:
                await worker.ready.options(max_task_retries=0).remote()
            except RayActorError:
                self._leave(worker)
            else:
                return worker

    async def _run_on(self, worker: Any, *arguments: Any) -> dict[str, Any]:
        try:
            return await self._result(worker.run.remote(*arguments))
        except (TimeoutError, RayError) as error:
            if is_overdue(error):
                ray.kill(worker, no_restart=False)
            if ended_worker(error):
                self._leave(worker)
                worker = None
            raise
        finally:
            if worker is not None:
                self._idle.put_nowait(worker)

    async def _result(self, reference: Any) -> dict[str, Any]:
        """What a call returns; where nobody waits for it any more, or too long, it is cancelled."""
        try:
            async with asyncio.timeout(self._limit_s):
                return dict(await reference)
        except (asyncio.CancelledError, TimeoutError):
            ray.cancel(reference)
            raise
