"""The one way to open a run: plan the cluster, claim the folder, share logs, start, and end all.

    planned = plan_run(trainings, logs, resources)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        dispatcher = run.start_dispatcher(templates)

Leaving it ends what it started.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from smt.data import Log
from smt.errors import InputError
from smt.execution.cluster import ClusterPlan, connect
from smt.execution.dispatcher import dispatching, start_dispatcher
from smt.execution.ledger import claim_run
from smt.execution.plan import announce_wait, plan_cluster
from smt.execution.resident import run_on_residents
from smt.execution.resources import Resources
from smt.execution.share_logs import find_streamed, share_logs
from smt.execution.warm_worker import start_warm_workers
from smt.fleet import ModelSpec, log_name
from smt.loading import loading
from smt.storage import Folder
from smt.template import Template
from smt.template.training import Training

# What is needed once connected: torch and scikit-learn, of which Ray imports nothing.
_NEEDED_SOON = ("smt.template.flops", "smt.fleet.representatives")

# A model, and a template under which it is trained.
ModelTemplate = tuple[ModelSpec, Template]


@dataclass(frozen=True)
class WarmWorkers:
    """Warm workers that start while a run is prepared, and how it divides the cluster."""

    cluster: ClusterPlan
    handles: list[Any]


@dataclass(frozen=True)
class RunPlan:
    """What a run will take of the cluster; nothing is written or started yet.

    Attributes:
        models: All that it may train.
        logs: Theirs, by `log_name`.
        asked: (model's name, how it is trained), of every template.
        cluster: How the run divides it.
        streamed: `log_name` -> why workers stream it from disk.
        limit_s: Seconds that an evaluation may take; None for no limit.
        workers: Handles of warm workers that are started already, if they are.
    """

    models: tuple[ModelSpec, ...]
    logs: dict[str, Log]
    asked: tuple[tuple[str, Training], ...]
    cluster: ClusterPlan
    streamed: dict[str, str]
    limit_s: float | None
    workers: list[Any] | None = None


@dataclass(frozen=True)
class Run:
    """A run whose folder is claimed; whatever it starts ends with it."""

    planned: RunPlan
    folder: Folder
    console: Console
    ending: ExitStack

    def start_dispatcher(
        self, templates: Mapping[str, Template], baselines: str | Path | None = None
    ) -> Any:
        """Start what hands evaluations to workers, and the workers.

        Args:
            templates: Model -> what its baselines are trained under.
            baselines: Folder to keep them in; the run's own where None.
        """
        dispatcher = start_dispatcher(
            self.folder.location,
            self.folder.path("baselines") if baselines is None else str(baselines),
            templates,
            self.share_logs(self.planned.models),
            self.planned.cluster,
            self.planned.workers,
            limit_s=self.planned.limit_s,
        )
        return self.ending.enter_context(dispatching(dispatcher, self.folder.location))

    def run_on_residents(
        self,
        call: Callable[..., Any],
        items: Sequence[tuple[Any, ...]],
        kinds: Sequence[Hashable] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Number of an item, and what `call(*item)` returned or why it is `Lost`, as they end.

        Where there are no warm workers, a call waits for a Ray Train run of its own, whose workers
        have the CPUs.

        Args:
            kinds: As `smt.execution.resident.run_on_residents` takes them.
        """
        cluster = self.planned.cluster
        running = run_on_residents(
            call,
            items,
            workers=cluster.pool or cluster.runs,
            cpus=int(cluster.pool > 0),
            gpu=cluster.gpu and cluster.pool > 0,
            limit_s=self.planned.limit_s,
            kinds=kinds,
        )
        return self.ending.enter_context(closing(running))

    def share_logs(self, models: Sequence[ModelSpec]) -> dict[str, list[Any]]:
        """Boxed references of the models' logs, by `log_name`; the console says what waits."""
        planned = self.planned
        shared = share_logs(planned.logs, models, planned.streamed, self.console)
        announce_wait(planned.asked, planned.cluster, self.console)
        return shared


@contextmanager
def start_workers(
    trainings: Sequence[ModelTemplate], resources: Resources
) -> Iterator[WarmWorkers]:
    """Connect to the cluster, divide it, and start warm workers, which are up seconds later.

    They end with the context; `plan_run` takes them.

    Args:
        trainings: All of which some may be needed, as for `plan_run`, which raises the same.
    """
    with loading(*_NEEDED_SOON):
        cluster = _divide(trainings, resources)
    workers = WarmWorkers(cluster, start_warm_workers(cluster))
    try:
        yield workers
    finally:
        for handle in workers.handles:
            ray.kill(handle)


def plan_run(
    trainings: Sequence[ModelTemplate],
    logs: dict[str, Log],
    resources: Resources,
    workers: WarmWorkers | None = None,
) -> RunPlan:
    """Connect to the cluster, divide it, and choose which logs are streamed.

    Args:
        trainings: Every model with each template under which it is trained.
        logs: By `log_name`, as `smt.fleet.open_logs` returns them.
        workers: Of these templates, where `start_workers` divided the cluster already.

    Raises:
        InputError: There is no cluster, it cannot give what is asked for, or templates are judged
            in different ways, or by what no log tells.
    """
    models = tuple({model.name: model for model, _ in trainings}.values())
    return RunPlan(
        models=models,
        logs=logs,
        asked=_asked(trainings),
        cluster=_divide(trainings, resources) if workers is None else workers.cluster,
        streamed=find_streamed(logs, models),
        limit_s=resources.limit_s,
        workers=None if workers is None else workers.handles,
    )


def _asked(trainings: Iterable[ModelTemplate]) -> tuple[tuple[str, Training], ...]:
    return tuple((model.name, template.training) for model, template in trainings)


def _divide(trainings: Sequence[ModelTemplate], resources: Resources) -> ClusterPlan:
    check_judges([template for _, template in trainings])
    connect()
    return plan_cluster(_asked(trainings), resources)


def check_judges(templates: Sequence[Template]) -> None:
    """Raise `InputError` where templates are judged in different ways, or by what no log tells."""
    if any(template.training.judge == "truth" for template in templates):
        raise InputError(
            "judge is 'truth', which no real log tells: it shows how far benchmarks are off, and "
            "chooses nothing; set training.judge to 'progressive' or 'frozen'"
        )
    ways = {(t.training.judge, t.training.judge_share): t.name for t in templates}
    if len(ways) > 1:
        judges = " and ".join(f"'{judge}' ({share:g})" for judge, share in ways)
        raise InputError(
            f"templates are compared that are judged in different ways, {judges}: set "
            "training.judge and judge_share of all alike"
        )


@contextmanager
def open_run(
    planned: RunPlan, folder: Folder, identity: dict[str, Any], *, resume: bool, console: Console
) -> Iterator[Run]:
    """A run that has its folder to itself; workers and dispatcher end however it ends.

    Args:
        identity: Plain data that determines the run's result; a resumed run's must be the same.

    Raises:
        InputError: The folder holds another run or other files, there is none to resume, or
            another process is at it.
        StoppedError: The ledger cannot be written, or the dispatcher died.
    """
    with claim_run(folder, identity, resume=resume), ExitStack() as ending:
        yield Run(planned, folder, console, ending)


def log_digests(models: Sequence[ModelSpec], logs: dict[str, Log]) -> dict[str, str]:
    """Model's name -> digest of its log."""
    return {model.name: logs[log_name(model.log)].digest for model in models}
