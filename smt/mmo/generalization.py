"""Multi-Model Optimization: which techniques help the fleet, and at which θ (Algorithm 1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from smt.command_line import open_console
from smt.errors import InputError
from smt.execution.dispatcher import collect
from smt.execution.evaluation import Evaluation
from smt.execution.ledger import read_identity
from smt.execution.resources import Resources, check_resources
from smt.execution.run import log_digests, open_run, plan_run
from smt.fleet import (
    AttributeWeights,
    Fleet,
    ModelSpec,
    Representatives,
    draw_holdout,
    open_logs,
    select_representatives,
)
from smt.mmo.checks import check_representatives, check_techniques
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
from smt.template.named_files import FileDigests


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
    resources: Resources | None = None,
    resume: bool = False,
    baselines: str | Path | None = None,
    warm_start: Sequence[str | Path] = (),
    console: Console | None = None,
    **more_resources: Any,
) -> Generalization:
    """Search every technique over the fleet's representative models at once, on Ray.

    Every finished evaluation is under `out` before it counts. After an interruption,
    `resume` goes on and ends with the numbers of an undisturbed run.

    Args:
        template: What the techniques change; SparseNN Small's latest version by default.
        representatives: How many models stand for the fleet; None lets the elbow decide.
        attribute_weights: How much each attribute counts in choosing them; alike where None.
        resources: What the run may take of the cluster; all that there is where None.
        baselines: Folder of baselines to share between runs; `out/baselines` where None.
        warm_start: Folders of finished runs whose trials of the same techniques tell the
            search where to look; for method "composite".
        more_resources: Fields of `resources`, by their names.

    Raises:
        InputError: Something asked for is impossible; nothing is written then.
        StoppedError: The run cannot go on; what is finished is kept.
    """
    settings, console = settings or Settings(), console or open_console()
    resources = check_resources(replace(resources or Resources(), **more_resources))
    template = template or catalogue["sparsenn_small"]
    check_search(settings.trials, settings.method)
    check_techniques(techniques, template)
    logs = open_logs(fleet.models)
    fleet = count_fleet_flops(template, fleet, logs)
    chosen = select_representatives(
        fleet, count=representatives, seed=settings.seed, weights=attribute_weights
    )
    check_representatives(chosen.models, template)
    holdout = _draw_holdout(fleet, chosen, template, settings)
    earlier = _read_earlier(warm_start, techniques, chosen.models, settings)
    planned = plan_run([*chosen.models, *holdout], [template], logs, resources)
    folder = Folder(out)
    if resume:
        settings = _resume_concurrency(settings, folder)
    settings = settings.filling(planned.cluster.pool or planned.cluster.runs, len(chosen.models))
    digests, files = log_digests(planned.models, logs), FileDigests()
    identity = {
        "settings": settings.to_dict(),
        "techniques": {technique.name: _plain_space(technique) for technique in techniques},
        "template": template.to_dict(),
        "fleet": fleet.digest(),
        "representatives": [model.name for model in chosen.models],
        "holdout": [model.name for model in holdout],
        "logs": digests,
        "warm_start": digest(
            [[trial.to_dict() for trial in trials] for trials in earlier.values()]
        ),
        **files.of_run(template),
    }
    with open_run(planned, folder, identity, resume=resume, console=console) as run:
        dispatcher = run.start_dispatcher(template, baselines)
        total = len(chosen.models) * settings.trials * len(techniques)
        with Display(console, dispatcher, evaluations=total) as display:
            search = TechniqueSearch(
                chosen.models, template, settings, dispatcher, digests, display, earlier, files
            )
            base = _train_baselines(search)
            results = tuple(_search_all(techniques, search, holdout))
        others = _other_baselines(search, base)
    return Generalization(fleet, template, settings, chosen, holdout, base, others, results)


def _read_earlier(
    runs: Sequence[str | Path],
    techniques: Sequence[Technique],
    models: Sequence[ModelSpec],
    settings: Settings,
) -> dict[str, list[Trial]]:
    """Technique -> what the runs tried of it, one run after the other."""
    names = [technique.name for technique in techniques]
    earlier: dict[str, list[Trial]] = {}
    for run in runs:
        for name, trials in read_earlier(run, names, models).items():
            check_earlier(trials, settings.goal(models), settings.method)
            earlier.setdefault(name, []).extend(trials)
    return earlier


def _plain_space(technique: Technique) -> dict[str, Any]:
    return {name: domain.to_dict() for name, domain in technique.space.items()}


def _draw_holdout(
    fleet: Fleet, chosen: Representatives, template: Template, settings: Settings
) -> tuple[ModelSpec, ...]:
    """M_H, of the models that the template can serve."""
    return draw_holdout(
        fleet,
        chosen,
        count=settings.holdout,
        seed=settings.seed,
        left_out=[model.name for model in fleet.models if above_flops_limit(template, model)],
    )


def _resume_concurrency(settings: Settings, folder: Folder) -> Settings:
    """With that of the interrupted run: on another cluster it would be another search."""
    before = read_identity(folder).get("settings", {})
    if settings.concurrent_trials is not None or not before:
        return settings
    return settings.model_copy(update={"concurrent_trials": before["concurrent_trials"]})


def _train_baselines(search: TechniqueSearch) -> dict[str, Evaluation]:
    """By model, its baseline. Raises `InputError` for a model that does not train at all."""
    tasks = [search.task(model) for model in search.models]
    evaluations = collect([search.dispatcher.baseline.remote(task.to_dict()) for task in tasks])
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
