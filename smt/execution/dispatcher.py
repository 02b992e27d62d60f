"""The dispatcher: hands evaluations to workers, and keeps the ledger."""

# A handle of an actor carries its methods' annotations: as text, they are loaded by nobody.
from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from smt.errors import InputError, StoppedError
from smt.execution.attempts import Lost
from smt.execution.cluster import ClusterPlan
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import Ledger
from smt.execution.pool import Pool
from smt.execution.warm_worker import start_warm_workers
from smt.search.goal import Goal
from smt.storage import Folder
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


class Dispatcher:
    """An actor through which all evaluations of a run go.

    A finished evaluation is in the ledger before anyone hears of it.
    """

    def __init__(
        self,
        folder: str,
        baselines: str,
        templates: Mapping[str, Template],
        logs: dict[str, Any],
        cluster: ClusterPlan,
        workers: list[Any],
        limit_s: float | None,
    ) -> None:
        """Read the ledger.

        Args:
            templates: Model -> what its baselines are trained under.
            logs: `log_name` -> a boxed reference.
            workers: Handles of the warm workers, which may still be starting.
            limit_s: Seconds an evaluation may take; None for no limit.
        """
        self._ledger = Ledger(Folder(folder), Folder(baselines))
        self._templates = templates
        self._logs = logs
        self._recorded = {known.name: known for known in self._ledger.evaluations()}
        self._baselines: dict[str, asyncio.Task[tuple[Evaluation, Any]]] = {}
        self._trials: dict[str, asyncio.Task[list[Evaluation]]] = {}
        self._pool = Pool(workers, cluster, limit_s)
        self._done = self._fresh = 0

    async def ready(self) -> None:
        """Let each warm worker take work once it is up; return when all are."""
        await self._pool.fill()

    async def first_worker(self) -> None:
        """Return once one warm worker takes work, at once where there are none."""
        await self._pool.first()

    async def evaluate(self, plain_task: dict[str, Any]) -> dict[str, Any]:
        """Run a trial's evaluation, or find it in the ledger. Plain data in and out."""
        return (await self._recorded_evaluation(Task.model_validate(plain_task))).to_dict()

    async def trial(
        self, plain_tasks: list[dict[str, Any]], settling: Goal | None
    ) -> list[dict[str, Any]]:
        """Run a trial's evaluations; plain data in and out, in the same order.

        With a goal, only the first of them that settle that too many models regress: the
        others are not run, or cancelled. Which these are does not depend on timing. Asked again by
        a process in the place of one that died, it goes on. None begins before all baselines of the
        trial are trained.

        Raises:
            InputError: A baseline failed.
        """
        tasks = [Task.model_validate(plain_task) for plain_task in plain_tasks]
        # Of trials of several templates the technique and the number may be the same.
        name = tasks[0].name
        if name not in self._trials:
            self._trials[name] = asyncio.create_task(self._trial(tasks, settling))
        running = self._trials[name]
        try:
            return [evaluation.to_dict() for evaluation in await asyncio.shield(running)]
        finally:
            if running.done():
                self._trials.pop(name, None)

    async def _trial(self, tasks: list[Task], settling: Goal | None) -> list[Evaluation]:
        needed = (self._baseline(self._base(task)) for task in tasks)
        for base, _ in await asyncio.gather(*needed):
            if base.failure is not None:
                raise InputError(f"the baseline of model '{base.model}': {base.failure}")
        running = [asyncio.create_task(self._recorded_evaluation(task)) for task in tasks]
        evaluations: list[Evaluation] = []
        try:
            for evaluation in running:
                evaluations.append(await evaluation)
                outcomes = (known.outcome for known in evaluations)
                if settling is not None and settling.settles(outcomes):
                    break
        finally:
            for evaluation in running:
                evaluation.cancel()
            # One that ended all the same is in the ledger; the trial does not know it.
            await asyncio.gather(*running, return_exceptions=True)
        return evaluations

    async def baseline(self, plain_task: dict[str, Any]) -> dict[str, Any]:
        """Train a baseline, once ever, or find it. Plain data in and out."""
        evaluation, _ = await self._baseline(Task.model_validate(plain_task))
        return evaluation.to_dict()

    async def baselines(self) -> list[dict[str, Any]]:
        """All baselines trained or found so far, by name; plain data."""
        baselines = await asyncio.gather(*self._baselines.values())
        by_name = {evaluation.name: evaluation for evaluation, _ in baselines}
        return [by_name[name].to_dict() for name in sorted(by_name)]

    def rebase(self, templates: Mapping[str, Template]) -> None:
        """From now on evaluations are compared with baselines of these templates, by model."""
        self._templates = templates

    def record_proposal(self, technique: str, trial: int, proposal: dict[str, Any]) -> None:
        """As the ledger's."""
        self._ledger.record_proposal(technique, trial, proposal)

    def proposals(self, technique: str) -> dict[int, dict[str, Any]]:
        """As the ledger's."""
        return self._ledger.proposals(technique)

    def progress(self) -> Progress:
        """How far the run is."""
        return Progress(self._done, self._fresh, len(self._baselines), self._pool.waiting)

    def stop(self) -> None:
        """End the warm workers."""
        self._pool.stop()

    async def _recorded_evaluation(self, task: Task) -> Evaluation:
        """Of a trial; in the ledger before anyone hears of it."""
        evaluation = self._recorded.get(task.name)
        if evaluation is None:
            evaluation = await self._evaluate(task)
            self._ledger.record(evaluation)
            self._recorded[task.name] = evaluation
        self._done += 1
        return evaluation

    async def _evaluate(self, task: Task) -> Evaluation:
        base, losses = await self._baseline(self._base(task))
        if base.failure is not None:
            return Evaluation.of(task, failure=f"its baseline failed: {base.failure}")
        result = await self._run(task, losses)
        evaluation: Evaluation = result["evaluation"]
        return evaluation

    def _base(self, task: Task) -> Task:
        return task.baseline(self._templates[task.model.name])

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
        result = await self._run(task, None)
        self._done += 1
        if "losses" not in result:
            return result["evaluation"], None
        self._ledger.record_baseline(result["evaluation"], result["losses"])
        return result["evaluation"], ray.put(result["losses"])

    async def _run(self, task: Task, base_losses: Any) -> dict[str, Any]:
        """Run it; a machine's failure becomes the record's."""
        result = await self._pool.run(task, self._logs[task.log], base_losses)
        self._fresh += 1
        if isinstance(result, Lost):
            return {"evaluation": Evaluation.of(task, failure=result.reason)}
        return result


def start_dispatcher(
    folder: str,
    baselines: str,
    templates: Mapping[str, Template],
    logs: dict[str, Any],
    cluster: ClusterPlan,
    workers: list[Any] | None = None,
    *,
    limit_s: float | None = None,
) -> Any:
    """Start the dispatcher on this node, where a local `folder` is.

    Args:
        templates: Model -> what its baselines are trained under.
        workers: Handles of warm workers; they are started too where None.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(num_cpus=0, scheduling_strategy=here)(Dispatcher)
    workers = start_warm_workers(cluster) if workers is None else workers
    dispatcher = actor.remote(folder, baselines, templates, logs, cluster, workers, limit_s)
    dispatcher.ready.remote()
    return dispatcher


def collect(references: Any) -> list[Evaluation]:
    """The evaluations that a dispatcher was asked for, once they have ended."""
    return [Evaluation.model_validate(plain) for plain in ray.get(references)]


@contextmanager
def dispatching(dispatcher: Any, folder: str) -> Iterator[Any]:
    """A dispatcher as long as it is needed; it and its workers end however that ends.

    Args:
        folder: Where its ledger is, for the error.

    Raises:
        StoppedError: The ledger cannot be written, or the dispatcher died.
    """
    try:
        yield dispatcher
    except RayTaskError as error:
        if isinstance(error.cause, StoppedError):
            raise error.cause from None
        raise
    except RayActorError:
        raise StoppedError(
            f"{folder}: the process that keeps the ledger died, of memory that ran out perhaps; "
            "what is finished is kept: go on with --resume"
        ) from None
    finally:
        with suppress(RayActorError):
            ray.get(dispatcher.stop.remote())
        ray.kill(dispatcher)
