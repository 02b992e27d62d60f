"""The back-test (§3.3.2): a version against its parent, on representatives and others."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from smt.data import Log
from smt.errors import InputError
from smt.execution.cluster import connect, plan
from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import open_run
from smt.execution.storage import Folder
from smt.fleet import Fleet, ModelSpec, load_logs, log_name
from smt.iteration.comparison import Comparison, ModelComparison
from smt.iteration.finished_run import FinishedRun
from smt.mmo import Settings
from smt.mmo.aggregate import normalise_weights
from smt.mmo.progress import Display
from smt.mmo.technique_search import to_trial
from smt.template import Template

NAME = "backtest"


def choose_models(
    fleet: Fleet, run: FinishedRun, *, holdout: int | None = None
) -> tuple[ModelSpec, ...]:
    """The run's representatives, then a random draw, by its seed, of the fleet's other models.

    Args:
        holdout: How many others; as many as there are representatives where None, if the
            fleet has them.

    Raises:
        InputError: It is not the run's fleet, or has not so many others.
    """
    if fleet.name != run.fleet:
        raise InputError(f"{run.location}: is a run of fleet '{run.fleet}', not '{fleet.name}'")
    models = {model.name: model for model in fleet.models}
    for name in run.representatives:
        if name not in models:
            raise InputError(
                f"fleet '{fleet.name}' has no model '{name}', a representative of {run.location}"
            )
    others = [model for model in fleet.models if model.name not in run.representatives]
    if holdout is None:
        holdout = min(len(run.representatives), len(others))
    if not 0 <= holdout <= len(others):
        raise InputError(
            f"{holdout} holdout models asked for; fleet '{fleet.name}' has {len(others)} models "
            "besides the representatives"
        )
    drawn = random.Random(run.settings.seed).sample(others, holdout)
    return (*(models[name] for name in run.representatives), *drawn)


def backtest(
    before: Template,
    after: Template,
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    *,
    seeds: Sequence[int],
    settings: Settings,
    out: str | Path,
    isolate: bool = False,
    resume: bool = False,
    console: Console | None = None,
) -> Comparison:
    """Train every model under both templates, on Ray, with every seed.

    Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        logs: As `smt.fleet.open_logs` returns them.
        settings: α, ε and τ; the rest is not used.
        isolate: Every evaluation in a Ray Train run of its own.

    Raises:
        InputError: Something asked for is impossible, or a model does not train under
            `before`.
    """
    normalise_weights([model.weight for model in models], len(models))
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds are {list(seeds)}; at least one is needed, each once")
    digests = {model.name: logs[log_name(model.log)].digest for model in models}
    folder = Folder(out)
    run = {
        "before": before.to_dict(),
        "after": after.to_dict(),
        "models": [model.to_dict() for model in models],
        "seeds": list(seeds),
        "settings": settings.to_dict(),
        "logs": digests,
    }
    connect()
    workers = max(before.training.workers, after.training.workers)
    capacity = plan([(model.name, workers) for model in models], isolate=isolate)
    open_run(folder, run, resume=resume)
    tasks = [
        [
            Task(
                technique=NAME,
                trial=number,
                template=after,
                model=model,
                seed=seed,
                log_digest=digests[model.name],
            )
            for model in models
        ]
        for number, seed in enumerate(seeds)
    ]
    dispatcher = start_dispatcher(
        folder.location,
        folder.path("baselines"),
        before,
        {name: [ray.put(log)] for name, log in load_logs(logs, models).items()},
        capacity,
    )
    try:
        total = 2 * len(models) * len(seeds)
        with Display(console or Console(), dispatcher, evaluations=total) as display:
            old = _train_before(dispatcher, tasks, before)
            new = _train_after(dispatcher, tasks, models, settings, display)
    finally:
        ray.get(dispatcher.stop.remote())
        ray.kill(dispatcher)
    compared = (
        ModelComparison(model, befores, afters)
        for model, befores, afters in zip(
            models, zip(*old, strict=True), zip(*new, strict=True), strict=True
        )
    )
    return Comparison(tuple(compared), tuple(seeds), settings)


def _train_before(
    dispatcher: Any, tasks: list[list[Task]], template: Template
) -> list[list[Evaluation]]:
    """A row a seed. Raises `InputError` for a model that does not train at all."""
    asked = [
        [dispatcher.baseline.remote(task.baseline(template).to_dict()) for task in row]
        for row in tasks
    ]
    rows = [_collect(row) for row in asked]
    for evaluation in (each for row in rows for each in row):
        if evaluation.failure is not None:
            raise InputError(
                f"model '{evaluation.model}' does not train under the parent version of "
                f"template '{template.name}': {evaluation.failure}"
            )
    return rows


def _train_after(
    dispatcher: Any,
    tasks: list[list[Task]],
    models: Sequence[ModelSpec],
    settings: Settings,
    display: Display,
) -> list[list[Evaluation]]:
    """A row a seed, which is shown as a trial is."""
    display.technique(NAME, len(tasks))
    asked = [[dispatcher.evaluate.remote(task.to_dict()) for task in row] for row in tasks]
    rows = []
    for number, references in enumerate(asked):
        rows.append(_collect(references))
        display.trial(NAME, number, len(tasks), to_trial({}, rows[-1], models, settings))
    return rows


def _collect(references: list[Any]) -> list[Evaluation]:
    return [Evaluation.model_validate(each) for each in ray.get(references)]
