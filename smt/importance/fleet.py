"""The importance of features over several models, measured on workers, in a folder."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.compute as pc
import ray
import torch
from rich.console import Console

from smt.allocator import keep_freed_memory
from smt.data import Log
from smt.errors import InputError
from smt.execution.attempts import Lost
from smt.execution.resources import Resources
from smt.execution.run import ModelTemplate, Run, log_digests, open_run, plan_run
from smt.execution.train_run import fit
from smt.fleet import ModelSpec, log_name
from smt.importance.measure import feature_importance
from smt.results.importance import ImportanceSettings, Measured
from smt.spec import digest
from smt.storage import Folder
from smt.template import FleetTemplates, Template
from smt.template.named_files import FileDigests
from smt.template.training import Capacity
from smt.training.learner import DivergedError


def measure_models(
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    templates: FleetTemplates,
    settings: ImportanceSettings,
    folder: Folder,
    *,
    resume: bool = False,
    console: Console,
) -> Iterator[Measured]:
    """Train and measure models on warm workers, one worker a model.

    A model's rows are durable, in a file of their own, before it is yielded; models are yielded
    in their order. A resumed run measures the models that have none.

    Args:
        logs: By `log_name`, as `smt.fleet.open_logs` returns them.
        templates: What every model is built from.

    Raises:
        InputError: The folder holds another run or other files.
    """
    identity = {
        "settings": settings.to_dict(),
        "template": [templates.of(model).to_dict() for model in models],
        "models": [model.to_dict() for model in models],
        "logs": log_digests(models, logs),
        **FileDigests().of_run(*(templates.of(model) for model in models)),
    }
    # Whatever trains it in a launch, importance is measured by the one worker that trains.
    templates = templates.change("training", workers=1, capacity=Capacity())
    trainings = [(model, templates.of(model)) for model in models]
    planned = plan_run(trainings, logs, Resources())
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        files = {model.name: f"models/{digest(model.name)}.parquet" for model in models}
        known = {
            name: Measured(name, folder.read_table(file))
            for name, file in files.items()
            if folder.exists(file)
        }
        waiting = [model.name for model in models]
        left = [(model, template) for model, template in trainings if model.name not in known]
        for measured in _on_workers(run, left, settings):
            if measured.table is not None:
                folder.write_table(files[measured.model], measured.table)
            known[measured.model] = measured
            while waiting and waiting[0] in known:
                yield known[waiting.pop(0)]
        yield from (known[name] for name in waiting)


def _on_workers(
    run: Run, trainings: Sequence[ModelTemplate], settings: ImportanceSettings
) -> Iterator[Measured]:
    """As they end."""
    if not trainings:
        return
    shared = run.share_logs([model for model, _ in trainings])
    calls = [
        (model, shared[log_name(model.log)], template, settings) for model, template in trainings
    ]
    for number, outcome in run.run_on_residents(measure_on_worker, calls):
        lost = isinstance(outcome, Lost)
        yield Measured(trainings[number][0].name, None, outcome.reason) if lost else outcome


def measure_on_worker(
    model: ModelSpec, log: list[Any], template: Template, settings: ImportanceSettings
) -> Measured:
    """Measure a model in this process, by Ray Train's local mode.

    Args:
        log: A boxed object reference of the model's `Log`.
    """
    config = {"model": model, "log": log[0], "template": template, "settings": settings}
    measured: Measured = fit(_loop, config)
    return measured


def _loop(config: dict[str, Any]) -> Measured:
    torch.set_num_threads(1)
    keep_freed_memory()
    return measure_model(**{**config, "log": ray.get(config["log"])})


def measure_model(
    model: ModelSpec, log: Log, template: Template, settings: ImportanceSettings
) -> Measured:
    """Train and measure a model; that it cannot be measured is a finding, not an exception."""
    try:
        return Measured(model.name, feature_importance(template, model, log, settings))
    except (DivergedError, InputError) as error:
        return Measured(model.name, None, str(error))


def describe_measured(measured: Measured) -> str:
    """What a model came to, in one line."""
    if measured.table is None:
        return f"{measured.model}: not measured: {measured.failure}"
    rows = measured.table.filter(pc.field("method") == measured.table["method"][0])
    best = rows.sort_by([("importance", "descending")])["feature"].to_pylist()[:3]
    return (
        f"{measured.model}: loss {rows['ne'][0].as_py():.5f}, {len(rows)} features, "
        f"most important: {', '.join(best)}"
    )
