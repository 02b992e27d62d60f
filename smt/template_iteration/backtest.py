"""The back-test (§3.3.2): a version against its parent, on representatives and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from smt.command_line import open_console
from smt.data import Log
from smt.errors import InputError
from smt.execution.cluster import connect
from smt.execution.dispatcher import dispatching, start_dispatcher
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import open_run
from smt.execution.plan import announce_wait, plan
from smt.execution.resident import limit_seconds
from smt.execution.share_logs import find_streamed, share_logs
from smt.fleet import ModelSpec, log_name
from smt.mmo import Settings
from smt.mmo.progress import Display
from smt.mmo.technique_search import to_trial
from smt.search.aggregate import normalise_weights
from smt.storage import Folder
from smt.template import Template
from smt.template.named_files import FileDigests
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.fleet_check import FleetCheck
from smt.template_iteration.integrate import Integration, Reduced
from smt.template_iteration.outcome import LeftOut, Outcome

NAME = "backtest"


def backtest(
    change: Integration,
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    *,
    fleet: Sequence[ModelSpec],
    seeds: Sequence[int],
    out: str | Path,
    isolate: bool = False,
    warm_workers: int | None = None,
    concurrent_runs: int | None = None,
    limit_minutes: float | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Outcome:
    """Count what the fleet's networks cost, then train models under both templates, on Ray.

    A version that breaks a limit of serving is not trained. One that is not kept is tried
    again without each of its techniques: counted where a limit is broken, else trained on the
    same models with the same seeds. Every finished evaluation is under `out` before it counts.
    After an interruption, `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        models: To train, with every seed.
        logs: Theirs, as `smt.fleet.open_logs` returns them.
        fleet: All models that must be served.
        isolate: Every evaluation in a Ray Train run of its own.
        warm_workers: How many, waiting for those that the cluster has no room for yet; as many
            as it has room for where None.
        concurrent_runs: Of evaluations in runs of their own, how many at once, in the same way.
        limit_minutes: That an evaluation may take before it is ended, and tried once more.

    Raises:
        InputError: Something asked for is impossible, or a model does not train under the
            parent.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    normalise_weights([model.weight for model in models], len(models))
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds are {list(seeds)}; at least one is needed, each once")
    limit_s = limit_seconds(limit_minutes)
    console = console or open_console()
    parent, settings = change.parent.template, change.run.settings
    digests = {model.name: logs[log_name(model.log)].digest for model in models}
    templates = [parent, change.version.template]
    templates += [each.template for each in change.reduced if each.template is not None]
    folder, files = Folder(out), FileDigests().of(*templates)
    run = {
        "before": parent.to_dict(),
        "after": change.version.template.to_dict(),
        "models": [model.to_dict() for model in models],
        "seeds": list(seeds),
        "settings": settings.to_dict(),
        "logs": digests,
        **({"files": files} if files else {}),
    }
    console.print(f"counting what the fleet's {len(fleet)} models cost to serve", highlight=False)
    check = FleetCheck(parent, fleet, timed={model.name for model in models})
    misfits = check.misfits(change.version.template)
    if misfits:
        with open_run(folder, run, resume=resume):
            left_out = tuple(_count(each, check) for each in change.reduced)
        return Outcome(tuple(seeds), settings, misfits, None, left_out)
    connect()
    asked = [(model.name, template.training) for model in models for template in templates]
    capacity = plan(
        asked, isolate=isolate, warm_workers=warm_workers, concurrent_runs=concurrent_runs
    )
    streamed = find_streamed(logs, models)
    with (
        open_run(folder, run, resume=resume),
        dispatching(
            start_dispatcher(
                folder.location,
                folder.path("baselines"),
                parent,
                share_logs(logs, models, streamed, console),
                capacity,
                limit_s=limit_s,
            ),
            folder.location,
        ) as dispatcher,
        Display(console, dispatcher, evaluations=len(models) * len(seeds)) as display,
    ):
        announce_wait(asked, capacity, console)
        training = _Training(
            parent, tuple(models), digests, files, tuple(seeds), settings, dispatcher, display
        )
        found, left_out = training.run(change, check)
    return Outcome(tuple(seeds), settings, (), found, left_out)


def _count(reduced: Reduced, check: FleetCheck) -> LeftOut:
    """What is known of a version without one technique before it is trained."""
    if reduced.template is None:
        return LeftOut(reduced.technique, failure=reduced.failure)
    return LeftOut(reduced.technique, misfits=check.misfits(reduced.template))


@dataclass(frozen=True)
class _Training:
    """Trains templates against their parent, on the same models and seeds."""

    parent: Template
    models: tuple[ModelSpec, ...]
    digests: dict[str, str]
    files: dict[str, str]
    seeds: tuple[int, ...]
    settings: Settings
    dispatcher: Any
    display: Display

    def run(self, change: Integration, check: FleetCheck) -> tuple[Comparison, tuple[LeftOut, ...]]:
        """The version, and without each technique where it is not kept."""
        before = self._train_parent()
        found = self._compare(before, NAME, change.version.template)
        if found.kept or not change.reduced:
            return found, ()
        counted = [_count(each, check) for each in change.reduced]
        trained = [each for each in counted if each.failure is None and not each.misfits]
        self.display.plan(len(trained) * len(self.models) * len(self.seeds))
        templates = {each.technique: each.template for each in change.reduced}
        left_out = []
        for each in counted:
            template = templates[each.technique]
            if each in trained and template is not None:
                without = self._compare(before, f"without_{each.technique}", template)
                left_out.append(LeftOut(each.technique, without))
            else:
                left_out.append(each)
        return found, tuple(left_out)

    def _train_parent(self) -> list[list[Evaluation]]:
        """A row a seed. Raises `InputError` for a model that does not train at all."""
        asked = [
            [self.dispatcher.baseline.remote(task.to_dict()) for task in self._tasks(seed)]
            for seed in self.seeds
        ]
        rows = [_collect(row) for row in asked]
        for evaluation in (each for row in rows for each in row):
            if evaluation.failure is not None:
                raise InputError(
                    f"model '{evaluation.model}' does not train under the parent version of "
                    f"template '{self.parent.name}': {evaluation.failure}"
                )
        return rows

    def _compare(self, before: list[list[Evaluation]], name: str, template: Template) -> Comparison:
        """A template against the parent; every seed is shown as a trial is."""
        self.display.technique(name, len(self.seeds))
        asked = []
        for number, seed in enumerate(self.seeds):
            update = {"technique": name, "trial": number, "template": template}
            tasks = [task.model_copy(update=update) for task in self._tasks(seed)]
            asked.append([self.dispatcher.evaluate.remote(task.to_dict()) for task in tasks])
        rows = []
        for number, references in enumerate(asked):
            rows.append(_collect(references))
            trial = to_trial({}, rows[-1], self.models, self.settings)
            self.display.trial(name, number, len(self.seeds), trial)
        by_model = zip(self.models, zip(*before, strict=True), zip(*rows, strict=True), strict=True)
        return Comparison(
            tuple(ModelComparison(*each) for each in by_model), self.seeds, self.settings
        )

    def _tasks(self, seed: int) -> list[Task]:
        """Of the parent, a model each."""
        return [
            Task(
                template=self.parent,
                model=model,
                seed=seed,
                log_digest=self.digests[model.name],
                files=self.files,
            )
            for model in self.models
        ]


def _collect(references: list[Any]) -> list[Evaluation]:
    return [Evaluation.model_validate(each) for each in ray.get(references)]
