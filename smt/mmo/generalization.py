"""Multi-Model Optimization: which techniques help the fleet, and at which θ (Algorithm 1)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ray
from rich.console import Console

from smt.command_line import open_console
from smt.errors import InputError
from smt.execution.cluster import connect
from smt.execution.dispatcher import dispatching, start_dispatcher
from smt.execution.evaluation import Evaluation
from smt.execution.ledger import RUN_FILE, open_run
from smt.execution.plan import announce_wait, plan
from smt.execution.resident import limit_seconds
from smt.execution.share_logs import find_streamed, share_logs
from smt.fleet import (
    AttributeWeights,
    Fleet,
    ModelSpec,
    Representatives,
    draw_holdout,
    log_name,
    open_logs,
    select_representatives,
)
from smt.mmo.earlier import read_earlier
from smt.mmo.progress import Display
from smt.mmo.technique_search import TechniqueSearch
from smt.mmo.verdict.conclusion import TechniqueResult, conclude
from smt.search.methods.catalogue import check_earlier
from smt.search.optimize import check_search
from smt.search.settings import Settings
from smt.search.trial import Trial
from smt.spec import digest
from smt.storage import Folder
from smt.template import (
    Technique,
    Template,
    Theta,
    above_flops_limit,
    catalogue,
    count_fleet_flops,
)


@dataclass(frozen=True)
class Generalization:
    """The outcome of Algorithm 1.

    Attributes:
        fleet: With every model's FLOPs counted.
        holdout: M_H, models outside the representatives on which techniques were confirmed.
        baselines: Representative -> its baseline's evaluation, by the run's template and seed.
        other_baselines: Those of other seeds, other models, and (one technique on top of the
            other) other templates.
        results: One a technique, in the order given.
    """

    fleet: Fleet
    template: Template
    settings: Settings
    representatives: Representatives
    holdout: tuple[ModelSpec, ...]
    baselines: dict[str, Evaluation]
    other_baselines: tuple[Evaluation, ...]
    results: tuple[TechniqueResult, ...]

    @property
    def generalized(self) -> dict[str, Theta]:
        """T_G⁺ with its θ*: technique -> θ of those that generalize."""
        return {
            result.technique.name: result.theta
            for result in self.results
            if result.theta is not None
        }


def generalize(
    techniques: Sequence[Technique],
    fleet: Fleet,
    *,
    out: str | Path,
    template: Template | None = None,
    settings: Settings | None = None,
    representatives: int | None = None,
    attribute_weights: AttributeWeights | None = None,
    isolate: bool = False,
    warm_workers: int | None = None,
    concurrent_runs: int | None = None,
    limit_minutes: float | None = None,
    resume: bool = False,
    baselines: str | Path | None = None,
    warm_start: Sequence[str | Path] = (),
    console: Console | None = None,
) -> Generalization:
    """Search every technique over the fleet's representative models at once, on Ray.

    Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        template: What the techniques change; SparseNN Small's latest version by default.
        representatives: How many models stand for the fleet; None lets the elbow decide.
        attribute_weights: How much each attribute counts in choosing them; alike where None.
        isolate: Every evaluation in a Ray Train run of its own.
        warm_workers: How many, waiting for those that the cluster has no room for yet; as many
            as it has room for where None.
        concurrent_runs: Of evaluations in runs of their own, how many at once, in the same way.
        limit_minutes: That an evaluation may take before it is ended, and tried once more.
        baselines: Folder of baselines to share between runs; `out/baselines` where None.
        warm_start: Folders of finished runs whose trials of the same techniques tell the
            search where to look; for method "composite".

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    settings, console = settings or Settings(), console or open_console()
    limit_s = limit_seconds(limit_minutes)
    template = template or catalogue["sparsenn_small"]
    check_search(settings.trials, settings.method)
    _check_techniques(techniques, template)
    logs = open_logs(fleet.models)
    fleet = count_fleet_flops(template, fleet, logs)
    chosen = select_representatives(
        fleet, count=representatives, seed=settings.seed, weights=attribute_weights
    )
    models = chosen.models
    _check_models(models, template)
    holdout = draw_holdout(
        fleet,
        chosen,
        count=settings.holdout,
        seed=settings.seed,
        left_out=[model.name for model in fleet.models if above_flops_limit(template, model)],
    )
    digests = {model.name: logs[log_name(model.log)].digest for model in (*models, *holdout)}
    earlier = _read_earlier(warm_start, techniques, chosen.models, settings)
    folder = Folder(out)
    connect()
    asked = [(model.name, template.training) for model in (*models, *holdout)]
    capacity = plan(
        asked, isolate=isolate, warm_workers=warm_workers, concurrent_runs=concurrent_runs
    )
    streamed = find_streamed(logs, [*models, *holdout])
    if resume and settings.concurrent_trials is None:
        settings = settings.model_copy(update=_concurrency(folder))
    settings = settings.filling(capacity.pool or capacity.runs, len(models))
    run = {
        "settings": settings.to_dict(),
        "techniques": {
            each.name: {name: domain.to_dict() for name, domain in each.space.items()}
            for each in techniques
        },
        "template": template.to_dict(),
        "fleet": fleet.digest(),
        "representatives": [model.name for model in models],
        "holdout": [model.name for model in holdout],
        "logs": digests,
        "warm_start": digest([[trial.to_dict() for trial in each] for each in earlier.values()]),
    }
    with (
        open_run(folder, run, resume=resume),
        dispatching(
            start_dispatcher(
                folder.location,
                folder.path("baselines") if baselines is None else str(baselines),
                template,
                share_logs(logs, [*models, *holdout], streamed, console),
                capacity,
                limit_s=limit_s,
            ),
            folder.location,
        ) as dispatcher,
    ):
        announce_wait(asked, capacity, console)
        total = len(models) * settings.trials * len(techniques)
        with Display(console, dispatcher, evaluations=total) as display:
            search = TechniqueSearch(
                models, template, settings, dispatcher, digests, display, earlier
            )
            base = _train_baselines(search)
            results = tuple(_search_all(techniques, search, holdout))
        known = {evaluation.name for evaluation in base.values()}
        others = [Evaluation.model_validate(e) for e in ray.get(dispatcher.baselines.remote())]
    return Generalization(
        fleet=fleet,
        template=template,
        settings=settings,
        representatives=chosen,
        holdout=holdout,
        baselines=base,
        other_baselines=tuple(each for each in others if each.name not in known),
        results=results,
    )


def _read_earlier(
    runs: Sequence[str | Path],
    techniques: Sequence[Technique],
    models: Sequence[ModelSpec],
    settings: Settings,
) -> dict[str, list[Trial]]:
    """Technique -> what the runs tried of it, one run after the other."""
    names = [technique.name for technique in techniques]
    found: dict[str, list[Trial]] = {}
    for run in runs:
        for name, trials in read_earlier(run, names, models).items():
            check_earlier(trials, settings.goal(models), settings.method)
            found.setdefault(name, []).extend(trials)
    return found


def _concurrency(folder: Folder) -> dict[str, int]:
    """That of an interrupted run: on another cluster it would be another search."""
    if not folder.exists(RUN_FILE):
        return {}
    settings = json.loads(folder.read(RUN_FILE))["settings"]
    return {"concurrent_trials": settings["concurrent_trials"]}


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
        if above_flops_limit(template, model):
            raise InputError(
                f"model '{model.name}': template '{template.name}' needs "
                f"{model.inference_flops:,} FLOPs an example, its limit is {model.limits.flops:,}"
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


def _search_all(
    techniques: Sequence[Technique], search: TechniqueSearch, holdout: Sequence[ModelSpec]
) -> Iterator[TechniqueResult]:
    """One technique after the other; each on top of those accepted before it, if so set."""
    accepted = search.template
    for technique in techniques:
        if accepted != search.template:
            search = replace(search, template=accepted)
            ray.get(search.dispatcher.rebase.remote(accepted))
            _train_baselines(search)
        result = conclude(technique, search.run(technique), search, holdout)
        yield result
        if search.settings.sequential and result.theta is not None:
            accepted = technique.apply(accepted, result.theta)
