"""The dispatcher: hands evaluations to warm workers, and keeps the ledger."""

# A handle of an actor carries its methods' annotations: as text, they load no torch.
from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from smt.execution.cluster import Capacity
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import Ledger
from smt.execution.rejection import Rejection
from smt.execution.resident import TASK_RETRIES, resident_class
from smt.execution.storage import Folder
from smt.execution.train_run import CanceledError, run_evaluation
from smt.template import Template


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: Evaluations finished since the start, those found in the ledger included.
        fresh: Those trained by this process.
        baselines: How many different ones were asked for so far.
        waiting: No warm worker has got a CPU yet.
    """

    done: int
    fresh: int
    baselines: int
    waiting: bool


class WarmWorker:
    """A process that has imported everything and runs one evaluation after the other."""

    def ready(self) -> None:
        """Return once the process is up."""

    def run(self, task: Task, log: list[Any], base_losses: list[Any]) -> dict[str, Any]:
        """One evaluation by Ray Train's local mode; references come boxed, to stay references.

        Raises:
            CanceledError: The call was cancelled meanwhile.
        """
        return run_evaluation(task, log[0], base_losses[0], workers=0, before_step=_check_canceled)


@ray.remote(num_cpus=0, max_retries=TASK_RETRIES)
def run_isolated(
    task: Task, log: list[Any], base_losses: list[Any], workers: int, gpu: bool
) -> dict[str, Any]:
    """One evaluation by a Ray Train run of its own."""
    return run_evaluation(task, log[0], base_losses[0], workers, gpu=gpu)


class Dispatcher:
    """An actor through which all evaluations of a run go.

    First come, first served over the warm workers; an evaluation that needs several
    workers, or every one under `isolate`, gets a Ray Train run of its own. A finished
    evaluation is in the ledger before anyone hears of it.
    """

    def __init__(
        self,
        folder: str,
        baselines: str,
        template: Template,
        logs: dict[str, Any],
        capacity: Capacity,
        pool: list[Any],
    ) -> None:
        """Read the ledger.

        Args:
            logs: `log_name` -> a boxed reference.
            pool: Handles of the warm workers, which may still be starting.
        """
        self._ledger = Ledger(Folder(folder), Folder(baselines))
        self._template = template
        self._logs = logs
        self._recorded = {each.name: each for each in self._ledger.evaluations()}
        self._baselines: dict[str, asyncio.Task[tuple[Evaluation, Any]]] = {}
        self._idle: asyncio.Queue[Any] = asyncio.Queue()
        self._gpu = capacity.gpu
        self._runs = asyncio.Semaphore(capacity.runs)
        self._pool = pool
        self._joined = 0
        self._done = self._fresh = 0

    async def ready(self) -> None:
        """Let each warm worker take work once it is up; return when all are.

        On a cluster that others use too, a worker may have to wait for its CPU.
        """
        await asyncio.gather(*(self._join(worker) for worker in self._pool))

    async def evaluate(self, content: dict[str, Any]) -> dict[str, Any]:
        """Run a trial's evaluation, or find it in the ledger. Plain data in and out."""
        task = Task.model_validate(content)
        evaluation = self._recorded.get(task.name)
        if evaluation is None:
            evaluation = await self._evaluate(task)
            self._ledger.record(evaluation)
            self._recorded[task.name] = evaluation
        self._done += 1
        return evaluation.to_dict()

    async def trial(
        self, contents: list[dict[str, Any]], rejection: Rejection | None
    ) -> list[dict[str, Any]]:
        """Run a trial's evaluations; plain data in and out, in the same order.

        Under a rejection, only the first of them that settle that too many models regress: the
        others are not run, or cancelled. Which these are does not depend on timing.
        """
        running = [asyncio.create_task(self.evaluate(content)) for content in contents]
        found: list[dict[str, Any]] = []
        regressions = 0
        for each in running:
            found.append(await each)
            regressions += rejection is not None and rejection.regressed(found[-1]["delta"])
            if rejection is not None and regressions > rejection.allowed:
                break
        for each in running[len(found) :]:
            each.cancel()
        # One that ended all the same is in the ledger; the trial does not know it.
        await asyncio.gather(*running[len(found) :], return_exceptions=True)
        return found

    async def baseline(self, content: dict[str, Any]) -> dict[str, Any]:
        """Train a baseline, once ever, or find it. Plain data in and out."""
        evaluation, _ = await self._baseline(Task.model_validate(content))
        return evaluation.to_dict()

    async def baselines(self) -> list[dict[str, Any]]:
        """All baselines trained or found so far, by name; plain data."""
        found = await asyncio.gather(*self._baselines.values())
        by_name = {evaluation.name: evaluation for evaluation, _ in found}
        return [by_name[name].to_dict() for name in sorted(by_name)]

    def rebase(self, template: Template) -> None:
        """From now on evaluations are compared with baselines of this template."""
        self._template = template

    def record_proposal(self, technique: str, trial: int, proposal: dict[str, Any]) -> None:
        """As the ledger's."""
        self._ledger.record_proposal(technique, trial, proposal)

    def proposals(self, technique: str) -> dict[int, dict[str, Any]]:
        """As the ledger's."""
        return self._ledger.proposals(technique)

    def progress(self) -> Progress:
        """How far the run is."""
        waiting = bool(self._pool) and self._joined == 0
        return Progress(self._done, self._fresh, len(self._baselines), waiting)

    def stop(self) -> None:
        """End the warm workers."""
        for worker in self._pool:
            ray.kill(worker)

    async def _join(self, worker: Any) -> None:
        await worker.ready.remote()
        self._joined += 1
        self._idle.put_nowait(worker)

    async def _evaluate(self, task: Task) -> Evaluation:
        base, losses = await self._baseline(task.baseline(self._template))
        if base.failure is not None:
            return Evaluation.of(task, failure=f"its baseline failed: {base.failure}")
        found = await self._run(task, losses)
        evaluation: Evaluation = found["evaluation"]
        return evaluation

    async def _baseline(self, task: Task) -> tuple[Evaluation, Any]:
        if task.key not in self._baselines:
            self._baselines[task.key] = asyncio.create_task(self._train_baseline(task))
        # Others wait for it too: it goes on where one of them is cancelled.
        return await asyncio.shield(self._baselines[task.key])

    async def _train_baseline(self, task: Task) -> tuple[Evaluation, Any]:
        known = self._ledger.baseline(task.key)
        if known is not None:
            evaluation, losses = known
            self._done += 1
            return evaluation, ray.put(losses)
        found = await self._run(task, None)
        self._done += 1
        if "losses" not in found:
            return found["evaluation"], None
        self._ledger.record_baseline(found["evaluation"], found["losses"])
        return found["evaluation"], ray.put(found["losses"])

    async def _run(self, task: Task, base_losses: Any) -> dict[str, Any]:
        """Run on a worker or in a run of its own; a machine's failure becomes the record's."""
        boxed = (task, self._logs[task.log], [base_losses])
        workers = 1 if task.template is None else task.template.training.workers
        try:
            if workers > 1 or not self._pool:
                async with self._runs:
                    found = await _result(run_isolated.remote(*boxed, workers, self._gpu))
            else:
                worker = await self._idle.get()
                try:
                    found = await _result(worker.run.remote(*boxed))
                finally:
                    self._idle.put_nowait(worker)
        except RayError as error:
            reason = f"{type(error).__name__} after {TASK_RETRIES} retries"
            found = {"evaluation": Evaluation.of(task, failure=reason)}
        self._fresh += 1
        return dict(found)


def _check_canceled() -> None:
    """Ray cannot interrupt an actor: it only says that a call was cancelled."""
    if ray.get_runtime_context().is_canceled():
        raise CanceledError


async def _result(reference: Any) -> Any:
    """What a Ray task returns; where nobody waits for it any more, the task is cancelled."""
    try:
        return await reference
    except asyncio.CancelledError:
        ray.cancel(reference)
        raise


def start_dispatcher(
    folder: str,
    baselines: str,
    template: Template,
    logs: dict[str, Any],
    capacity: Capacity,
) -> Any:
    """Start the dispatcher on this node, where a local `folder` is, and its workers with it."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(Dispatcher)
    worker = resident_class(WarmWorker, gpu=capacity.gpu)
    pool = [worker.remote() for _ in range(capacity.pool)]
    dispatcher = actor.remote(folder, baselines, template, logs, capacity, pool)
    dispatcher.ready.remote()
    return dispatcher
