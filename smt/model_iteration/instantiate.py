"""Model iteration (§3.4, Fig. 7): every model of a fleet from a template version, on Ray."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
)
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smt.command_line import open_console
from smt.data import Log
from smt.errors import InputError
from smt.execution.cluster import Capacity, connect
from smt.execution.ledger import open_run, read_record
from smt.execution.plan import announce_wait, plan
from smt.execution.resident import TASK_RETRIES, Lost, limit_seconds, run_on_residents
from smt.execution.share_logs import find_streamed, share_logs
from smt.execution.train_run import Storage
from smt.fleet import Fleet, log_name, open_logs
from smt.model_iteration.dictionaries import with_dictionaries
from smt.model_iteration.instance import Instance, Job
from smt.model_iteration.make import Made, make_instance, make_on_workers
from smt.model_iteration.tune import CONFIRMING
from smt.seeds import Seed
from smt.spec import Spec, digest
from smt.storage import Folder
from smt.template import Template, count_flops
from smt.template.named_files import FileDigests

RECORD = "record.json"
# Of a model's folder: file systems take names of 255 bytes.
LONGEST = 200


class LaunchSettings(Spec):
    """How models are instantiated.

    Attributes:
        alpha: Percent; a model whose NE change is below -alpha is held back.
        seed: Of initial values.
        limit_minutes: That a model may take, its tuning included; none by default.
        checkpoint_steps: From one checkpoint to the next, of a model of several workers.
        tune_evaluations: Networks that may be trained to choose a model's exposed hyperparameters,
            that of the defaults included; 0 keeps the defaults.
    """

    alpha: NonNegativeFloat = 0.05
    seed: Seed = 0
    limit_minutes: PositiveFloat | None = None
    checkpoint_steps: PositiveInt = 1000
    # Left out where 0, so that launches from before there was tuning can be resumed.
    tune_evaluations: NonNegativeInt = Field(default=0, exclude_if=lambda budget: budget == 0)

    @field_validator("tune_evaluations")
    @classmethod
    def _leaves_one_to_compare(cls, budget: int) -> int:
        least = 2 + CONFIRMING
        if 0 < budget < least:
            raise ValueError(
                f"{budget} leave nothing to compare the defaults with; give 0, or at least {least}"
            )
        return budget


def instantiate(
    fleet: Fleet,
    template: Template,
    *,
    out: str | Path,
    version: int | None = None,
    baseline: Template | None = None,
    settings: LaunchSettings | None = None,
    warm_workers: int | None = None,
    concurrent_runs: int | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> tuple[Instance, ...]:
    """Train, measure, gate and export every model of a fleet under a template.

    A model is done once its `record.json` is in its folder under `out`, beside its card, its
    checkpoint and what serves it. After an interruption, `resume` makes those that are not done.
    The models of most traffic come first, and of equals the biggest. A model of one worker that
    was killed starts again, one of several goes on from its latest checkpoint.

    Args:
        version: The template's number, for the cards.
        baseline: What every model is compared with; with nothing where None.
        warm_workers: How many, waiting for those that the cluster has no room for yet; as many
            as it has room for where None.
        concurrent_runs: Of models of several workers, how many at once, in the same way.

    Returns:
        One a model, in the fleet's order.

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
        StoppedError: The launch cannot go on; what is finished is kept.
    """
    settings, console = settings or LaunchSettings(), console or open_console()
    training = template.training
    if training.workers > 1 and settings.tune_evaluations:
        raise InputError(
            f"template '{template.name}' trains on {training.workers} workers; hyperparameters are "
            "tuned on one: set training.workers to 1, or leave tune_evaluations at 0"
        )
    logs = open_logs(fleet.models)
    files = FileDigests()
    jobs = {
        model.name: Job(
            template=template,
            version=version,
            baseline=baseline,
            model=model,
            seed=settings.seed,
            alpha=settings.alpha,
            log_digest=logs[log_name(model.log)].digest,
            files=files.of(template, baseline),
            tune_evaluations=settings.tune_evaluations,
        )
        for model in fleet.models
    }
    folder = Folder(out)
    connect()
    asked = [(name, training) for name in jobs]
    capacity = plan(asked, warm_workers=warm_workers, concurrent_runs=concurrent_runs)
    streamed = find_streamed(logs, fleet.models)
    run = {
        "template": template.to_dict(),
        "baseline": None if baseline is None else baseline.to_dict(),
        "settings": settings.model_dump(mode="json", exclude={"limit_minutes", "checkpoint_steps"}),
        "fleet": fleet.digest(),
        "logs": {name: job.log_digest for name, job in jobs.items()},
        **files.of_run(template, baseline),
    }
    with open_run(folder, run, resume=resume):
        done = dict(find_recorded(folder, jobs.values()))
        if done:
            console.print(f"{len(done)} of {len(jobs)} models are done already", highlight=False)
        left = in_order([job for name, job in jobs.items() if name not in done], logs)
        if left:
            announce_wait(asked, capacity, console)
            references = share_logs(logs, [job.model for job in left], streamed, console)
            makers = _make(left, references, folder, capacity, settings)
            coded = (
                (
                    left[number],
                    with_dictionaries(left[number], found, logs[left[number].log].schema),
                )
                for number, found in makers
            )
            made = (record_made(job, each, folder) for job, each in coded)
            for instance in follow(made, len(done), len(jobs), console):
                done[instance.model] = instance
    return tuple(done[name] for name in jobs)


def _make(
    jobs: Sequence[Job],
    logs: dict[str, list[Any]],
    folder: Folder,
    capacity: Capacity,
    settings: LaunchSettings,
) -> Iterator[tuple[int, Made | Lost]]:
    """Models on resident workers; those of several workers in Ray Train runs of their own."""
    limit_s = limit_seconds(settings.limit_minutes)
    if capacity.pool:
        calls = [(job, logs[job.log]) for job in jobs]
        return run_on_residents(
            make_instance, calls, workers=capacity.pool, gpu=capacity.gpu, limit_s=limit_s
        )
    storages = [
        Storage(
            path=folder.address(model_folder(job.model.name)),
            name=f"training-{job.key}",
            retries=TASK_RETRIES,
        )
        for job in jobs
    ]
    runs = [
        (job, logs[job.log], storage, settings.checkpoint_steps)
        for job, storage in zip(jobs, storages, strict=True)
    ]
    # Who waits for a run needs no CPU: its workers have them.
    return run_on_residents(make_on_workers, runs, workers=capacity.runs, cpus=0, limit_s=limit_s)


def model_folder(name: str) -> str:
    """Where a model's files are: one folder each, whatever the name."""
    folder = quote(name, safe="").replace(".", "%2E")
    if len(folder) > LONGEST:
        folder = f"{folder[:LONGEST]}-{digest(name)}"
    return f"models/{folder}"


def find_recorded(folder: Folder, jobs: Iterable[Job]) -> Iterator[tuple[str, Instance]]:
    """The models that are done, by name; not those of a package that trained otherwise."""
    for job in jobs:
        file = f"{model_folder(job.model.name)}/{RECORD}"
        if folder.exists(file):
            instance = read_record(Instance, folder, file)
            if instance is not None and instance.key == job.key:
                yield instance.model, instance


def record_made(job: Job, made: Made | Lost, folder: Folder) -> Instance:
    """Make a model's files durable, its record last; what a killed launch left of it goes."""
    name = job.model.name
    if isinstance(made, Lost):
        made = Made(Instance(model=name, key=job.key, outcome="failed", reasons=(made.reason,)), {})
    folder.clear(model_folder(name))
    folder.write_all({f"{model_folder(name)}/{f}": content for f, content in made.files.items()})
    folder.write(f"{model_folder(name)}/{RECORD}", made.instance.model_dump_json().encode())
    return made.instance


def in_order(jobs: Sequence[Job], logs: dict[str, Log]) -> list[Job]:
    """Most traffic first, then most FLOPs; a network that cannot be built has none."""
    counted: dict[tuple[object, ...], int] = {}

    def flops(job: Job) -> int:
        model = job.model
        inputs = (job.log, model.features, model.events, *sorted(model.hyperparameters.items()))
        if inputs not in counted:
            try:
                counted[inputs] = count_flops(job.template, model, logs[job.log].schema)
            except Exception:
                # Its own row says what is wrong with it.
                counted[inputs] = 0
        return counted[inputs]

    return sorted(jobs, key=lambda job: (-job.model.weight, -flops(job)))


def follow(
    instances: Iterable[Instance], done: int, total: int, console: Console
) -> Iterator[Instance]:
    """The same, with a bar on a terminal, and a line that stays for each."""
    columns = TextColumn("models"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("models", total=total, completed=done)
        started = time.monotonic()
        for number, instance in enumerate(instances, 1):
            bar.advance(task)
            left = total - done - number
            minutes, seconds = divmod(round((time.monotonic() - started) / number * left), 60)
            console.print(
                f"{_said(instance)} ({done + number} of {total}, {minutes}:{seconds:02d} left)",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )
            yield instance


def _said(instance: Instance) -> str:
    delta = "" if instance.delta is None else f", Δ {instance.delta:+.3f}% ± {instance.sem:.3f}%"
    why = "".join(f"; {reason}" for reason in instance.reasons)
    return f"{instance.model}: {instance.outcome}{delta}{_tuned(instance)}{why}"


def _tuned(instance: Instance) -> str:
    tuning = instance.tuning
    if tuning is None:
        return ""
    if tuning.remark is not None:
        return f"; {tuning.remark}"
    if tuning.choice == "kept":
        return f"; defaults kept after {tuning.evaluations} evaluations"
    values = ", ".join(
        f"{name} {_short(instance.hyperparameters[name])}" for name in tuning.default
    )
    confirmed = f"Δ {tuning.confirmed_delta:+.3f}% ± {tuning.confirmed_sem:.3f}%"
    return f"; {values} ({confirmed} when confirmed)"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
