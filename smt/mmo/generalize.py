"""Multi-Model Optimization: which techniques help the fleet, and at which θ (Algorithm 1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ray
from rich.console import Console

from smt.errors import InputError
from smt.execution.cluster import connect, plan
from smt.execution.dispatcher import start_dispatcher
from smt.execution.evaluation import Evaluation
from smt.execution.ledger import open_run
from smt.execution.storage import Folder
from smt.fleet import (
    Fleet,
    ModelSpec,
    Representatives,
    load_logs,
    log_name,
    open_logs,
    select_representatives,
)
from smt.mmo.composite import Estimate
from smt.mmo.optimize import best_trial, check_search, choose
from smt.mmo.progress import Display
from smt.mmo.settings import Settings
from smt.mmo.technique_search import TechniqueSearch
from smt.mmo.trial import Trial
from smt.template import Technique, Template, Theta, catalogue, count_fleet_flops


@dataclass(frozen=True)
class TechniqueResult:
    """What the search of one technique found.

    Attributes:
        best: θ*; see `smt.mmo.optimize.Optimization`. None where no trial was feasible.
        estimate: What the surrogate thinks of it; None without a surrogate.
        paper: Arg max of A (Eq. 5).
        stopped: Why the search ended early; None where it did not.
    """

    technique: Technique
    trials: tuple[Trial, ...]
    best: Trial | None
    estimate: Estimate | None
    paper: Trial | None
    stopped: str | None
    generalizes: bool


@dataclass(frozen=True)
class Generalization:
    """The outcome of Algorithm 1.

    Attributes:
        fleet: With every model's FLOPs counted.
        baselines: model -> its baseline's evaluation.
        results: One a technique, in the order given.
    """

    fleet: Fleet
    template: Template
    settings: Settings
    representatives: Representatives
    baselines: dict[str, Evaluation]
    results: tuple[TechniqueResult, ...]

    @property
    def generalized(self) -> dict[str, Theta]:
        """T_G⁺ with its θ*: technique -> θ of those with A* >= τ."""
        return {
            result.technique.name: result.best.theta
            for result in self.results
            if result.generalizes and result.best is not None
        }


def generalize(
    techniques: Sequence[Technique],
    fleet: Fleet,
    *,
    out: str | Path,
    template: Template | None = None,
    settings: Settings | None = None,
    representatives: int | None = None,
    isolate: bool = False,
    resume: bool = False,
    baselines: str | Path | None = None,
    console: Console | None = None,
) -> Generalization:
    """Search every technique over the fleet's representative models at once, on Ray.

    Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        template: What the techniques change; SparseNN Small's latest version by default.
        representatives: How many models stand for the fleet; None lets the elbow decide.
        isolate: Every evaluation in a Ray Train run of its own.
        baselines: Folder of baselines to share between runs; `out/baselines` where None.

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
    """
    settings = settings or Settings()
    template = template or catalogue["sparsenn_small"]
    check_search(settings.trials, settings.method)
    _check_techniques(techniques, template)
    logs = open_logs(fleet.models)
    fleet = count_fleet_flops(template, fleet, logs)
    chosen = select_representatives(fleet, count=representatives, seed=settings.seed)
    models = chosen.models
    _check_models(models, template)
    digests = {model.name: logs[log_name(model.log)].digest for model in models}
    folder = Folder(out)
    run = {
        "settings": settings.to_dict(),
        "techniques": {
            each.name: {name: domain.to_dict() for name, domain in each.space.items()}
            for each in techniques
        },
        "template": template.to_dict(),
        "fleet": fleet.digest(),
        "representatives": [model.name for model in models],
        "logs": digests,
    }
    connect()
    capacity = plan([(model.name, template.training.workers) for model in models], isolate=isolate)
    open_run(folder, run, resume=resume)
    dispatcher = start_dispatcher(
        folder.location,
        folder.path("baselines") if baselines is None else str(baselines),
        template,
        {name: [ray.put(log)] for name, log in load_logs(logs, models).items()},
        capacity,
    )
    try:
        total = len(models) * (1 + settings.trials * len(techniques))
        with Display(console or Console(), dispatcher, evaluations=total) as display:
            search = TechniqueSearch(models, template, settings, dispatcher, digests, display)
            base = _train_baselines(search)
            results = tuple(_search(technique, search) for technique in techniques)
    finally:
        ray.get(dispatcher.stop.remote())
        ray.kill(dispatcher)
    return Generalization(fleet, template, settings, chosen, base, results)


def _check_techniques(techniques: Sequence[Technique], template: Template) -> None:
    if not techniques:
        raise InputError("no techniques are given; at least one is needed")
    for technique in techniques:
        technique.require_fit(template)
    names = [technique.name for technique in techniques]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"technique '{name}' is given twice")


def _check_models(models: Sequence[ModelSpec], template: Template) -> None:
    if not any(model.weight for model in models):
        raise InputError("all weights of the representative models are zero; none has traffic")
    for model in models:
        limit, needed = model.limits.flops, model.inference_flops
        if template.serving.enforce_flops_limit and limit and needed and needed > limit:
            raise InputError(
                f"model '{model.name}': template '{template.name}' needs {needed:,} FLOPs an "
                f"example, its limit is {limit:,}"
            )


def _train_baselines(search: TechniqueSearch) -> dict[str, Evaluation]:
    """By model, its baseline. Raises `InputError` for a model that does not train at all."""
    tasks = [search.task(model) for model in search.models]
    found = ray.get([search.dispatcher.baseline.remote(task.to_dict()) for task in tasks])
    evaluations = [Evaluation.model_validate(each) for each in found]
    for evaluation in evaluations:
        if evaluation.failure is not None:
            raise InputError(f"the baseline of model '{evaluation.model}': {evaluation.failure}")
    return {evaluation.model: evaluation for evaluation in evaluations}


def _search(technique: Technique, search: TechniqueSearch) -> TechniqueResult:
    settings = search.settings
    found = search.run(technique)
    best, estimate = choose(
        technique.space,
        found.trials,
        settings.goal(search.models),
        method=settings.method,
        seed=settings.seed,
    )
    return TechniqueResult(
        technique=technique,
        trials=found.trials,
        best=best,
        estimate=estimate,
        paper=best_trial(found.trials),
        stopped=found.stopped,
        generalizes=best is not None and best.aggregate.value >= settings.tau,
    )
