"""Multi-Model Optimization: which techniques help the fleet, and at which θ (Algorithm 1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from smt.errors import InputError, StoppedError
from smt.execution.dispatcher import collect
from smt.execution.evaluation import Evaluation
from smt.execution.ledger import read_identity
from smt.execution.resources import Resources
from smt.execution.run import WarmWorkers, log_digests, open_run, plan_run
from smt.fleet import (
    AttributeWeights,
    Fleet,
    ModelSpec,
    Representatives,
    draw_holdout,
    open_fleet,
    select_representatives,
)
from smt.mmo.checks import check_techniques, check_traffic
from smt.mmo.earlier import read_earlier
from smt.mmo.progress import Display
from smt.mmo.technique_search import TechniqueSearch, fitting
from smt.mmo.verdict.conclusion import TechniqueResult, conclude
from smt.mmo.with_technique import with_technique
from smt.search.methods.catalogue import check_earlier
from smt.search.settings import Settings
from smt.search.trial import Trial
from smt.spec import digest
from smt.storage import Folder
from smt.template import (
    FleetTemplates,
    Technique,
    Theta,
    above_flops_limit,
    count_fleet_flops,
)
from smt.template.named_files import FileDigests
from smt.template.serving_budget import ServingBudget


@dataclass(frozen=True)
class Generalization:
    """The outcome of Algorithm 1.

    Attributes:
        fleet: With every model's FLOPs counted.
        holdout: M_H, models outside the representatives on which techniques were confirmed.
        templates: What every model of the fleet is built from.
        baselines: Representative -> its baseline's evaluation, by its template and the run's seed.
        other_baselines: Those of other seeds, other models, and (one technique on top of the
            other) other templates.
        results: One a technique that was tried, in the order given.
        untried: Technique -> why no θ of it was tried: each costs too much to serve, or would leave
            the representatives as they are.
    """

    fleet: Fleet
    templates: FleetTemplates
    settings: Settings
    representatives: Representatives
    holdout: tuple[ModelSpec, ...]
    baselines: dict[str, Evaluation]
    other_baselines: tuple[Evaluation, ...]
    results: tuple[TechniqueResult, ...]
    untried: dict[str, str] = field(default_factory=dict)

    @property
    def generalized(self) -> dict[str, Theta]:
        """T_G⁺ with its θ*: technique -> θ of those that generalize."""
        return {
            result.technique.name: result.theta
            for result in self.results
            if result.theta is not None
        }


def search_fleet(
    techniques: Sequence[Technique],
    fleet: Fleet,
    workers: WarmWorkers,
    *,
    out: str | Path,
    templates: FleetTemplates,
    settings: Settings,
    representatives: int | None,
    attribute_weights: AttributeWeights | None,
    resources: Resources,
    resume: bool,
    baselines: str | Path | None,
    warm_start: Sequence[str | Path],
    console: Console,
) -> Generalization:
    """What `smt.mmo.generalize` does once its workers start; its arguments are explained there."""
    opened = open_fleet(fleet)
    for remark in opened.remarks:
        console.print(remark, highlight=False, markup=False, soft_wrap=True)
    logs = opened.logs
    fleet = count_fleet_flops(templates, opened.fleet, logs)
    chosen = select_representatives(
        fleet,
        count=representatives,
        seed=settings.seed,
        weights=attribute_weights,
        kinds=templates.names,
    )
    _check_representatives(chosen.models, templates)
    of_models = {model.name: templates.of(model) for model in fleet.models}
    check_techniques(techniques, [of_models[model.name] for model in chosen.models])
    schemas = {name: log.schema for name, log in logs.items()}
    searched = {
        technique.name: fitting(technique, chosen.models, of_models, schemas)
        for technique in techniques
    }
    if settings.weights == "traffic":
        check_traffic(searched)
    above = [model.name for model in fleet.models if above_flops_limit(templates.of(model), model)]
    holdout = draw_holdout(
        fleet, chosen, count=settings.holdout, seed=settings.seed, left_out=above
    )
    earlier = _read_earlier(warm_start, searched, settings)
    trainings = [(model, templates.of(model)) for model in (*chosen.models, *holdout)]
    planned = plan_run(trainings, logs, resources, workers)
    folder = Folder(out)
    if resume:
        settings = _resume_concurrency(settings, folder)
    settings = settings.filling(planned.cluster.pool or planned.cluster.runs, len(chosen.models))
    digests, files = log_digests(planned.models, logs), FileDigests()
    identity = {
        "settings": settings.to_dict(),
        "techniques": {
            technique.name: {name: domain.to_dict() for name, domain in technique.space.items()}
            for technique in techniques
        },
        "template": {name: known.to_dict() for name, known in templates.templates.items()},
        "assignment": templates.names,
        "fleet": fleet.digest(),
        "representatives": [model.name for model in chosen.models],
        "holdout": [model.name for model in holdout],
        "logs": digests,
        "warm_start": digest(
            [[trial.to_dict() for trial in trials] for trials in earlier.values()]
        ),
        **files.of_run(*templates.templates.values()),
    }
    budget = ServingBudget(fleet.models, of_models, settings.capacity)
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        trained = {model.name: of_models[model.name] for model in planned.models}
        dispatcher = run.start_dispatcher(trained, baselines)
        total = settings.trials * sum(map(len, searched.values()))
        with Display(console, dispatcher, evaluations=total) as display:
            search = TechniqueSearch(
                chosen.models,
                of_models,
                settings,
                dispatcher,
                digests,
                display,
                earlier,
                files,
                budget,
                schemas,
            )
            asked = _ask_baselines(search)
            try:
                # Starting workers have the CPUs to themselves. Then Tune starts while baselines
                # are trained; no trial begins before they are.
                ray.get(dispatcher.first_worker.remote())
                searched_all = dict(_search_all(techniques, search, holdout))
            except StoppedError:
                _collect_baselines(asked)
                raise
            base = _collect_baselines(asked)
        others = _other_baselines(search, base)
    results = tuple(known for known in searched_all.values() if not isinstance(known, str))
    untried = {name: why for name, why in searched_all.items() if isinstance(why, str)}
    return Generalization(
        fleet, templates, settings, chosen, holdout, base, others, results, untried
    )


def _check_representatives(models: Sequence[ModelSpec], templates: FleetTemplates) -> None:
    """Raise `InputError` where a template breaks the FLOPs limit of one."""
    for model in models:
        excess = above_flops_limit(templates.of(model), model)
        if excess is not None:
            raise InputError(
                f"model '{model.name}': template '{templates.names[model.name]}' needs "
                f"{excess.needed}, its limit is {excess.allowed}"
            )


def _read_earlier(
    runs: Sequence[str | Path], models: Mapping[str, Sequence[ModelSpec]], settings: Settings
) -> dict[str, list[Trial]]:
    """Technique -> what the runs tried of it, one run after the other."""
    earlier: dict[str, list[Trial]] = {}
    for run in runs:
        for name, trials in read_earlier(run, models).items():
            check_earlier(trials, settings.goal(models[name]), settings.method)
            earlier.setdefault(name, []).extend(trials)
    return earlier


def _resume_concurrency(settings: Settings, folder: Folder) -> Settings:
    """With that of the interrupted run: on another cluster it would be another search."""
    before = read_identity(folder).get("settings", {})
    if settings.concurrent_trials is not None or not before:
        return settings
    return settings.model_copy(update={"concurrent_trials": before["concurrent_trials"]})


def _ask_baselines(search: TechniqueSearch) -> list[Any]:
    """References of every model's, to collect later."""
    tasks = [search.task(model) for model in search.models]
    return [search.dispatcher.baseline.remote(task.to_dict()) for task in tasks]


def _collect_baselines(asked: list[Any]) -> dict[str, Evaluation]:
    """By model, its baseline. Raises `InputError` for a model that does not train at all."""
    evaluations = collect(asked)
    for evaluation in evaluations:
        if evaluation.failure is not None:
            raise InputError(f"the baseline of model '{evaluation.model}': {evaluation.failure}")
    return {evaluation.model: evaluation for evaluation in evaluations}


def _other_baselines(
    search: TechniqueSearch, base: dict[str, Evaluation]
) -> tuple[Evaluation, ...]:
    """Those that the run trained besides the representatives' own."""
    known = {evaluation.name for evaluation in base.values()}
    trained = collect(search.dispatcher.baselines.remote())
    return tuple(evaluation for evaluation in trained if evaluation.name not in known)


def _search_all(
    techniques: Sequence[Technique], search: TechniqueSearch, holdout: Sequence[ModelSpec]
) -> Iterator[tuple[str, TechniqueResult | str]]:
    """One technique after the other; each on top of those accepted before it, if so set.

    Of one that no θ of could be tried there is only the reason.
    """
    accepted = search.templates
    for technique in techniques:
        if accepted != search.templates:
            search = replace(search, templates=accepted)
            trained = {model: accepted[model] for model in search.digests}
            ray.get(search.dispatcher.rebase.remote(trained))
            _collect_baselines(_ask_baselines(search))
        own = replace(search, models=search.fitting(technique, search.models))
        if not own.models:
            every = len(search.models)
            yield (
                technique.name,
                f"not tried: it would leave all {every} representatives as they are",
            )
            continue
        searched = own.run(technique)
        if not searched.trials and searched.stopped is not None:
            yield technique.name, searched.stopped
            continue
        result = conclude(technique, searched, own, own.fitting(technique, holdout))
        yield technique.name, result
        if search.settings.sequential and result.theta is not None:
            accepted = with_technique(technique, result.theta, accepted)
