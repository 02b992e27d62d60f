"""Model iteration (§3.4, Fig. 7): every model of a fleet from a template's version, on Ray."""

import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smt.command_line import open_console
from smt.data import Log
from smt.errors import InputError
from smt.execution.attempts import Lost
from smt.execution.resources import Resources, check_resources
from smt.execution.run import Run, log_digests, open_run, plan_run
from smt.execution.train_run import Storage
from smt.fleet import Fleet, ModelSpec, open_fleet
from smt.model_iteration.decide import decide
from smt.model_iteration.dictionaries import with_dictionaries
from smt.model_iteration.incumbent import check_incumbents, incumbent_files, share_incumbents
from smt.model_iteration.instance import Evidence, Instance, Job
from smt.model_iteration.make import Made, make_instance
from smt.model_iteration.model_files import (
    find_made,
    lacking_programs,
    model_folder,
    write_decided,
    write_made,
)
from smt.model_iteration.templates import FleetLaunch, Launch
from smt.report import numbers
from smt.results.launch_settings import LaunchSettings
from smt.storage import Folder
from smt.template import Template, count_flops
from smt.template.named_files import FileDigests


def instantiate(
    fleet: Fleet,
    launch: FleetLaunch,
    *,
    out: str | Path,
    settings: LaunchSettings | None = None,
    resources: Resources | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> tuple[Instance, ...]:
    """Train, measure and export every model of a fleet under its template, and decide what ships.

    A model is made once its `evidence.json` is in its folder under `out`, beside its card, its
    checkpoint and what could serve it. Once all are, it is decided which ship: a `record.json` a
    model says so. After an interruption, `resume` makes those that are not made, and decides.
    The models of most traffic come first, and of equals the biggest. A model of one worker that
    was killed starts again, one of several goes on from its latest checkpoint.

    Args:
        launch: What every model is made from, and what it is compared with.
        resources: What the launch may take of the cluster; all that there is where None.

    Returns:
        One a model, in the fleet's order.

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
        StoppedError: The launch cannot go on; what is finished is kept.
    """
    settings, console = settings or LaunchSettings(), console or open_console()
    resources = check_resources(resources)
    for launched in launch.templates:
        _check_tuning(launched.template, settings)
    opened = open_fleet(fleet)
    logs = opened.logs
    check_incumbents([(model, launch.of[model.name].incumbent) for model in fleet.models], logs)
    digests, files = log_digests(fleet.models, logs), FileDigests()
    jobs = {
        model.name: _job(model, launch.of[model.name], settings, digests[model.name], files)
        for model in fleet.models
    }
    folder = Folder(out)
    trainings = [(model, launch.of[model.name].template) for model in fleet.models]
    planned = plan_run(trainings, logs, resources)
    compared = [(made.template, made.baseline) for made in launch.templates]
    identity = {
        "template": [template.to_dict() for template, _ in compared],
        "baseline": [None if base is None else base.to_dict() for _, base in compared],
        "assignment": {model.name: launch.of[model.name].name for model in fleet.models},
        "settings": settings.model_dump(mode="json", exclude={"checkpoint_steps"}),
        "fleet": fleet.digest(),
        "logs": digests,
        **files.of_run(
            *chain.from_iterable(compared),
            others=chain.from_iterable(incumbent_files(job.incumbent) for job in jobs.values()),
        ),
    }
    for remark in launch.remarks:
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        made = dict(find_made(folder, jobs.values()))
        if made:
            console.print(f"{len(made)} of {len(jobs)} models are made already", highlight=False)
        while True:
            left = [job for name, job in jobs.items() if name not in made]
            unfit = [
                (job, Lost(opened.unfit[job.model.name]))
                for job in left
                if job.model.name in opened.unfit
            ]
            fit = in_order([job for job in left if job.model.name not in opened.unfit], logs)
            new = (
                write_made(job, with_dictionaries(job, outcome, logs[job.log].schema), folder)
                for job, outcome in chain(unfit, _make(fit, run, settings))
            )
            made |= {each.model: each for each in follow(new, len(made), len(jobs), console)}
            evidence = [made[name] for name in jobs]
            changes = [launch.of[name].change for name in jobs]
            instances = decide(fleet.models, evidence, settings, changes)
            lacking = lacking_programs(instances, folder)
            if not lacking:
                break
            made = {name: evidence for name, evidence in made.items() if name not in lacking}
        for instance in instances:
            write_decided(instance, folder)
    return instances


def _check_tuning(template: Template, settings: LaunchSettings) -> None:
    """Raise `InputError` where hyperparameters would be tuned on several workers."""
    if template.training.workers > 1 and settings.tune_evaluations:
        raise InputError(
            f"template '{template.name}' trains on {template.training.workers} workers; "
            "hyperparameters are tuned on one: set training.workers to 1, or leave "
            "tune_evaluations at 0"
        )


def _job(
    model: ModelSpec, launch: Launch, settings: LaunchSettings, log_digest: str, files: FileDigests
) -> Job:
    return Job(
        template=launch.template,
        version=launch.version,
        baseline=launch.baseline,
        incumbent=launch.incumbent,
        model=model,
        seed=settings.seed,
        log_digest=log_digest,
        files=files.of(launch.template, launch.baseline)
        | files.of_files(incumbent_files(launch.incumbent)),
        tune_evaluations=settings.tune_evaluations,
    )


def _make(
    jobs: Sequence[Job], run: Run, settings: LaunchSettings
) -> Iterator[tuple[Job, Made | Lost]]:
    """Models on resident workers, or in Ray Train runs of their own, as they end."""
    if not jobs:
        return
    outside, refused = share_incumbents(jobs, run.planned.logs)
    for job in jobs:
        if job.model.name in refused:
            yield job, Lost(refused[job.model.name])
    jobs = [job for job in jobs if job.model.name not in refused]
    if not jobs:
        return
    logs, cluster = run.share_logs([job.model for job in jobs]), run.planned.cluster
    items: list[tuple[Any, ...]] = [
        (job, logs[job.log], outside.get(job.model.name)) for job in jobs
    ]
    if not cluster.pool:
        items = [
            (*item, _storage(item[0], run.folder), settings.checkpoint_steps, cluster.gpu)
            for item in items
        ]
    # A resident worker keeps the programs that it traced; a run of its own ends with its process.
    kinds = [_network(job) for job in jobs] if cluster.pool else None
    for number, outcome in run.run_on_residents(make_instance, items, kinds):
        yield jobs[number], outcome


def _network(job: Job) -> Hashable:
    """What models have in common whose networks differ in their weights, or in little else."""
    model = job.model
    own = tuple(sorted(model.hyperparameters.items()))
    return job.template.name, job.version, job.log, model.features, len(model.events), own


def _storage(job: Job, folder: Folder) -> Storage:
    """Where a model's own run keeps its checkpoints."""
    return Storage(folder.address(model_folder(job.model.name)), f"training-{job.key}")


def in_order(jobs: Sequence[Job], logs: dict[str, Log]) -> list[Job]:
    """Most traffic first, then most FLOPs; a network that cannot be built has none."""
    counted: dict[tuple[object, ...], int] = {}

    def flops(job: Job) -> int:
        model = job.model
        own = sorted(model.hyperparameters.items())
        inputs = (id(job.template), job.log, model.features, model.events, *own)
        if inputs not in counted:
            try:
                counted[inputs] = count_flops(job.template, model, logs[job.log].schema)
            except Exception:
                # Its own row says what is wrong with it.
                counted[inputs] = 0
        return counted[inputs]

    return sorted(jobs, key=lambda job: (-job.model.weight, -flops(job)))


def follow(
    evidence: Iterable[Evidence], done: int, total: int, console: Console
) -> Iterator[Evidence]:
    """The same, with a bar on a terminal, and a line that stays for each."""
    columns = TextColumn("models"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("models", total=total, completed=done)
        started = time.monotonic()
        for number, each in enumerate(evidence, 1):
            bar.advance(task)
            left = total - done - number
            minutes, seconds = divmod(round((time.monotonic() - started) / number * left), 60)
            console.print(
                f"{_said(each)} ({done + number} of {total}, {minutes}:{seconds:02d} left)",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
            yield each


def _said(evidence: Evidence) -> str:
    delta, sem = evidence.delta.value, evidence.delta.sem
    change = "" if delta is None else f", Δ {delta:+.3f}% ± {numbers.spread(sem)}"
    why = "".join(f"; {reason}" for reason in evidence.reasons)
    found = "measured" if evidence.finding == "could ship" else evidence.finding
    return f"{evidence.model}: {found}{change}{_tuned(evidence)}{why}"


def _tuned(evidence: Evidence) -> str:
    tuning = evidence.tuning
    if tuning is None:
        return ""
    if tuning.remark is not None:
        return f"; {tuning.remark}"
    if tuning.choice == "kept":
        return f"; defaults kept after {tuning.evaluations} evaluations"
    values = ", ".join(
        f"{name} {numbers.ascii_short(evidence.hyperparameters[name])}" for name in tuning.default
    )
    confirmed = f"Δ {tuning.confirmed_delta:+.3f}% ± {tuning.confirmed_sem:.3f}%"
    return f"; {values} ({confirmed} when confirmed)"
