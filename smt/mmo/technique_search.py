"""One technique's optimisation over all representative models (Algorithm 1, lines 3 to 16)."""

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray import tune

from smt.execution.evaluation import Evaluation, Task
from smt.execution.trial import run_trial
from smt.fleet import ModelSpec
from smt.mmo.aggregate import aggregate
from smt.mmo.goal import Goal
from smt.mmo.progress import Display
from smt.mmo.search import propose
from smt.mmo.searcher import FleetSearcher
from smt.mmo.settings import Settings
from smt.mmo.trial import Trial
from smt.template import Technique, Template, Theta

TRIAL_MEMORY = 64 * 2**20


@dataclass(frozen=True)
class TechniqueSearch:
    """Searches one technique after the other with the same models, template and settings.

    Attributes:
        digests: model -> digest of its log.
    """

    models: tuple[ModelSpec, ...]
    template: Template
    settings: Settings
    dispatcher: Any
    digests: dict[str, str]
    display: Display

    def run(self, technique: Technique) -> list[Trial]:
        """Search by Ray Tune; each Tune trial fans out over the models.

        Returns:
            The trials in order; fewer than asked for where the space has fewer points.

        Raises:
            RuntimeError: Ray lost a trial.
        """
        settings = self.settings
        begun = self._begun(technique)
        goal = Goal.over(
            len(self.models),
            [model.weight for model in self.models],
            alpha=settings.alpha,
            epsilon=settings.epsilon,
            tau=settings.tau,
        )

        def choose(finished: list[Trial], pending: list[Theta]) -> Theta | None:
            number = len(finished) + len(pending)
            if number in begun:
                return begun[number]
            proposal = propose(
                technique.space, finished, pending, goal, method=settings.method, seed=settings.seed
            )
            return None if proposal is None else proposal.theta

        def configure(number: int, theta: Theta) -> dict[str, Any]:
            template, failure = _apply(technique, self.template, theta)
            change = {
                "technique": technique.name,
                "trial": number,
                "theta": theta,
                "template": template,
                "failure": failure,
            }
            tasks = [self.task(model).model_copy(update=change) for model in self.models]
            return {"tasks": [task.to_dict() for task in tasks]}

        def conclude(number: int, theta: Theta, result: dict[str, Any]) -> Trial:
            evaluations = [Evaluation.model_validate(each) for each in result["evaluations"]]
            trial = to_trial(theta, evaluations, self.models, settings)
            self.display.trial(technique.name, number, settings.trials, trial)
            return trial

        searcher = FleetSearcher(
            trials=settings.trials,
            lag=settings.concurrent_trials,
            propose=choose,
            configure=configure,
            conclude=conclude,
        )
        self.display.technique(technique.name, settings.trials)
        _run_tune(searcher, settings, self.dispatcher)
        return [searcher.finished[number] for number in sorted(searcher.finished)]

    def task(self, model: ModelSpec) -> Task:
        """The baseline evaluation of a model."""
        return Task(
            template=self.template,
            model=model,
            seed=self.settings.seed,
            log_digest=self.digests[model.name],
        )

    def _begun(self, technique: Technique) -> dict[int, Theta]:
        """Trial number -> θ, of trials that an interrupted run had begun."""
        recorded = [
            Evaluation.model_validate(each) for each in ray.get(self.dispatcher.recorded.remote())
        ]
        return {
            each.trial: each.theta
            for each in recorded
            if each.technique == technique.name and each.trial is not None
        }


def to_trial(
    theta: Theta,
    evaluations: Sequence[Evaluation],
    models: Sequence[ModelSpec],
    settings: Settings,
) -> Trial:
    """A trial out of its evaluations, in the models' order; a failure's delta is NaN."""
    by_model = {evaluation.model: evaluation for evaluation in evaluations}
    deltas = tuple(
        float("nan") if (delta := by_model[model.name].delta) is None else delta for model in models
    )
    outcome = aggregate(
        deltas,
        [model.weight for model in models],
        alpha=settings.alpha,
        epsilon=settings.epsilon,
    )
    return Trial(theta, deltas, tuple(by_model[model.name].sem for model in models), outcome)


def _apply(
    technique: Technique, template: Template, theta: Theta
) -> tuple[Template | None, str | None]:
    """The changed template, or why the technique could not be applied at this θ."""
    try:
        return technique.apply(template, theta), None
    except Exception as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _run_tune(searcher: FleetSearcher, settings: Settings, dispatcher: Any) -> None:
    # The ledger is the record; Tune's own logs and messages would only repeat it.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    # A trial only waits, so it asks for a sliver of memory and leaves every CPU to training.
    waiting = tune.PlacementGroupFactory([{"memory": TRIAL_MEMORY}])
    with tempfile.TemporaryDirectory(prefix="smt-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run_trial, dispatcher=dispatcher), waiting),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=settings.trials,
                max_concurrent_trials=settings.concurrent_trials,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        )
        tuner.fit()
    if lost := searcher.lost:
        raise RuntimeError(f"Ray Tune lost trials {lost}; go on with --resume")
