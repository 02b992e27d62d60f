"""The back-test (§3.3.2): a version against its parent, on representatives and others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from smt.command_line import open_console
from smt.data import Log
from smt.errors import InputError
from smt.execution.dispatcher import collect
from smt.execution.evaluation import Evaluation, Task
from smt.execution.ledger import claim_run
from smt.execution.resources import Resources, check_resources
from smt.execution.run import log_digests, open_run, plan_run
from smt.fleet import ModelSpec
from smt.mmo.progress import Display
from smt.mmo.technique_search import to_trial
from smt.results.technique import Kind
from smt.search.aggregate import normalise_weights
from smt.storage import Folder
from smt.template import Template
from smt.template.named_files import FileDigests
from smt.template.serving_budget import ServingBudget
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.decision import LeftOut, VersionDecision
from smt.template_iteration.fleet_check import FleetCheck
from smt.template_iteration.integrate import Integration

NAME = "backtest"


def backtest(
    change: Integration,
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    *,
    fleet: Sequence[ModelSpec],
    budget: ServingBudget | None = None,
    beside: Mapping[str, Template] = MappingProxyType({}),
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
        fleet: All models that are built from the parent and must be served.
        budget: What the whole fleet may cost to serve; nobody asks where None.
        beside: Model -> what it gets beside this version, of others that are kept already.
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
    templates += [without.template for without in change.reduced if without.template is not None]
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
    timed = {model.name for model in models}
    check = FleetCheck(parent, fleet, timed=timed, budget=budget, beside=beside)
    misfits = check.misfits(change.version.template)
    growth = check.growth(change.version.template)
    if misfits:
        with claim_run(folder, identity, resume=resume):
            counted = tuple(_count(change, check))
        return VersionDecision(tuple(seeds), settings, misfits, None, counted, growth)
    planned = plan_run([*product(models, templates)], logs, resources)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        dispatcher = run.start_dispatcher({model.name: parent for model in models})
        with Display(console, dispatcher, evaluations=len(models) * len(seeds)) as display:
            training = _Training(
                change, tuple(models), digests, files, tuple(seeds), dispatcher, display
            )
            comparison, left_out = training.run(check)
    return VersionDecision(tuple(seeds), settings, (), comparison, left_out, growth)


def _count(change: Integration, check: FleetCheck) -> list[LeftOut]:
    """What is known of the version without each technique before it is trained."""
    return [
        without
        if without.template is None
        else replace(without, misfits=check.misfits(without.template))
        for without in change.reduced
    ]


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
        kinds = self.change.kinds
        comparison = self._compare(before, NAME, self.change.version.template, kinds.values())
        if comparison.kept:
            return comparison, ()
        left_out = _count(self.change, check)
        trained = [
            (place, without, without.template)
            for place, without in enumerate(left_out)
            if without.template is not None and not without.misfits
        ]
        self.display.plan(len(trained) * len(self.models) * len(self.seeds))
        for place, without, template in trained:
            others = [kind for name, kind in kinds.items() if name != without.technique]
            compared = self._compare(before, f"without_{without.technique}", template, others)
            left_out[place] = replace(without, comparison=compared)
        return comparison, tuple(left_out)

    def _train_parent(self) -> list[list[Evaluation]]:
        """A list a seed. Raises `InputError` for a model that does not train at all."""
        asked = [
            [self.dispatcher.baseline.remote(task.to_dict()) for task in self._tasks(seed)]
            for seed in self.seeds
        ]
        by_seed = [collect(references) for references in asked]
        for evaluation in chain(*by_seed):
            if evaluation.failure is not None:
                raise InputError(
                    f"model '{evaluation.model}' does not train under the parent version of "
                    f"template '{self.change.parent.template.name}': {evaluation.failure}"
                )
        return by_seed

    def _compare(
        self,
        before: list[list[Evaluation]],
        name: str,
        template: Template,
        kinds: Iterable[Kind],
    ) -> Comparison:
        """A template of such techniques against the parent; every seed is shown as a trial is."""
        self.display.technique(name, len(self.seeds))
        settings = self.change.run.settings
        asked = []
        for number, seed in enumerate(self.seeds):
            update = {"technique": name, "trial": number, "template": template}
            tasks = [task.model_copy(update=update) for task in self._tasks(seed)]
            asked.append([self.dispatcher.evaluate.remote(task.to_dict()) for task in tasks])
        after: list[list[Evaluation]] = []
        for number, references in enumerate(asked):
            after.append(collect(references))
            trial = to_trial({}, after[-1], self.models, settings)
            self.display.trial(name, number, len(self.seeds), trial)
        by_model = zip(*before, strict=True), zip(*after, strict=True)
        compared = tuple(map(ModelComparison, self.models, *by_model))
        only_savers = all(kind == "saving" for kind in kinds)
        return Comparison(compared, self.seeds, settings, only_savers)

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
