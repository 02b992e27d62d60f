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
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import claim_run
from smt.execution.resources import Resources, check_resources
from smt.execution.run import log_digests, open_run, plan_run
from smt.fleet import ModelSpec
from smt.mmo.progress import Display
from smt.mmo.technique_search import to_trial
from smt.search.aggregate import normalise_weights
from smt.storage import Folder
from smt.template import Template
from smt.template.named_files import FileDigests
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.decision import LeftOut, VersionDecision
from smt.template_iteration.fleet_check import FleetCheck
from smt.template_iteration.integrate import Integration, Reduced

NAME = "backtest"


def backtest(
    change: Integration,
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    *,
    fleet: Sequence[ModelSpec],
    seeds: Sequence[int],
    out: str | Path,
    resources: Resources | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> VersionDecision:
    """Count what the fleet's networks cost, then train models under both templates, on Ray.

    A version that breaks a limit of serving is not trained. One that is not kept is tried
    again without each of its techniques: counted where a limit is broken, else trained on the
    same models with the same seeds. Every finished evaluation is under `out` before it counts.
    After an interruption, `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        models: To train, with every seed.
        logs: Theirs, as `smt.fleet.open_logs` returns them.
        fleet: All models that must be served.
        resources: What the back-test may take of the cluster; all that there is where None.

    Raises:
        InputError: Something asked for is impossible, or a model does not train under the
            parent.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    normalise_weights([model.weight for model in models], len(models))
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds are {list(seeds)}; at least one is needed, each once")
    resources = check_resources(resources)
    console = console or open_console()
    parent, settings = change.parent.template, change.run.settings
    digests = log_digests(models, logs)
    templates = [parent, change.version.template]
    templates += [each.template for each in change.reduced if each.template is not None]
    folder, files = Folder(out), FileDigests().of(*templates)
    identity = {
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
        with claim_run(folder, identity, resume=resume):
            left_out = tuple(_count(each, check) for each in change.reduced)
        return VersionDecision(tuple(seeds), settings, misfits, None, left_out)
    planned = plan_run(models, templates, logs, resources)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        dispatcher = run.start_dispatcher(parent)
        with Display(console, dispatcher, evaluations=len(models) * len(seeds)) as display:
            training = _Training(
                change, tuple(models), digests, files, tuple(seeds), dispatcher, display
            )
            comparison, left_out = training.run(check)
    return VersionDecision(tuple(seeds), settings, (), comparison, left_out)


def _count(reduced: Reduced, check: FleetCheck) -> LeftOut:
    """What is known of a version without one technique before it is trained."""
    if reduced.template is None:
        return LeftOut(reduced.technique, failure=reduced.failure)
    return LeftOut(reduced.technique, misfits=check.misfits(reduced.template))


@dataclass(frozen=True)
class _Training:
    """Trains templates against their parent, on the same models and seeds."""

    change: Integration
    models: tuple[ModelSpec, ...]
    digests: dict[str, str]
    files: dict[str, str]
    seeds: tuple[int, ...]
    dispatcher: Any
    display: Display

    def run(self, check: FleetCheck) -> tuple[Comparison, tuple[LeftOut, ...]]:
        """The version, and without each technique where it is not kept."""
        before = self._train_parent()
        comparison = self._compare(before, NAME, self.change.version.template)
        if comparison.kept:
            return comparison, ()
        left_out = [_count(reduced, check) for reduced in self.change.reduced]
        trained = [
            (place, reduced.technique, reduced.template)
            for place, reduced in enumerate(self.change.reduced)
            if reduced.template is not None and not left_out[place].misfits
        ]
        self.display.plan(len(trained) * len(self.models) * len(self.seeds))
        for place, name, template in trained:
            left_out[place] = LeftOut(name, self._compare(before, f"without_{name}", template))
        return comparison, tuple(left_out)

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
                    f"template '{self.change.parent.template.name}': {evaluation.failure}"
                )
        return rows

    def _compare(self, before: list[list[Evaluation]], name: str, template: Template) -> Comparison:
        """A template against the parent; every seed is shown as a trial is."""
        self.display.technique(name, len(self.seeds))
        settings = self.change.run.settings
        asked = []
        for number, seed in enumerate(self.seeds):
            update = {"technique": name, "trial": number, "template": template}
            tasks = [task.model_copy(update=update) for task in self._tasks(seed)]
            asked.append([self.dispatcher.evaluate.remote(task.to_dict()) for task in tasks])
        rows = []
        for number, references in enumerate(asked):
            rows.append(_collect(references))
            trial = to_trial({}, rows[-1], self.models, settings)
            self.display.trial(name, number, len(self.seeds), trial)
        by_model = zip(self.models, zip(*before, strict=True), zip(*rows, strict=True), strict=True)
        compared = tuple(ModelComparison(*each) for each in by_model)
        return Comparison(compared, self.seeds, settings)

    def _tasks(self, seed: int) -> list[Task]:
        """Of the parent, a model each."""
        return [
            Task(
                template=self.change.parent.template,
                model=model,
                seed=seed,
                log_digest=self.digests[model.name],
                files=self.files,
            )
            for model in self.models
        ]


def _collect(references: list[Any]) -> list[Evaluation]:
    return [Evaluation.model_validate(each) for each in ray.get(references)]
