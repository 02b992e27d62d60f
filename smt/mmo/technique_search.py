"""One technique's optimisation over all representative models (Algorithm 1, lines 3 to 16)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import ray

from smt.data import Schema
from smt.errors import sentence
from smt.execution.dispatcher import collect
from smt.execution.evaluation import Evaluation, Task
from smt.fleet import ModelSpec, log_name
from smt.fleet.budget import Growth
from smt.mmo.progress import Display
from smt.mmo.tune_searcher import FleetSearcher, run_tune
from smt.mmo.verdict.saving import mean_savings
from smt.mmo.with_technique import try_technique
from smt.results.savings import Savings
from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.propose import propose, propose_or_end
from smt.search.settings import Settings
from smt.search.state import SearchState
from smt.search.trial import Proposal, Trial
from smt.template import Technique, Template, Theta
from smt.template.named_files import FileDigests
from smt.template.serving_budget import ServingBudget


@dataclass(frozen=True)
class Searched:
    """What a search tried.

    Attributes:
        trials: In order.
        stopped: Why it ended before all the trials it was given; None where it did not.
        savings: Number of a trial -> what it saves, of those on all models.
        growths: The same -> by how much it makes serving the whole fleet dearer; None where θ
            could not be applied.
    """

    trials: tuple[Trial, ...]
    stopped: str | None
    savings: Mapping[int, Savings] = field(default_factory=dict)
    growths: Mapping[int, Growth | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TechniqueSearch:
    """Searches one technique after the other with the same models, templates and settings.

    Attributes:
        templates: Model -> what it is built from, of the whole fleet.
        digests: model -> digest of its log, of all that may be trained.
        earlier: technique -> its trials in earlier runs.
        files: Digests of what templates name.
        budget: What serving the fleet may cost; None where that is no matter.
        schemas: By `log_name`, of all models' logs.
    """

    models: tuple[ModelSpec, ...]
    templates: Mapping[str, Template]
    settings: Settings
    dispatcher: Any
    digests: dict[str, str]
    display: Display
    earlier: Mapping[str, Sequence[Trial]] = field(default_factory=dict)
    files: FileDigests = field(default_factory=FileDigests)
    budget: ServingBudget | None = None
    schemas: Mapping[str, Schema] = field(default_factory=dict)

    def run(self, technique: Technique) -> Searched:
        """Search by Ray Tune; each Tune trial fans out over the models.

        Raises:
            StoppedError: The ledger cannot be written, or Ray lost a trial.
        """
        settings = self.settings
        goal = settings.goal(self.models)
        decided = self._decided(technique)
        tried: dict[int, list[Evaluation]] = {}

        def choose(number: int, finished: list[Trial], pending: list[Theta]) -> Proposal | str:
            state = SearchState(
                technique.space,
                goal,
                finished,
                pending,
                seed=settings.seed,
                earlier=self.earlier.get(technique.name, ()),
                early_stopping=settings.early_stopping,
                refusal=lambda theta: self._refusal(technique, theta),
            )
            return propose_or_end(
                state,
                settings.max_evaluations,
                lambda known: decided.get(number) or self._decide(technique, number, known),
            )

        def configure(number: int, proposal: Proposal) -> dict[str, Any]:
            models = [self.models[place] for place in proposal.order]
            tasks = self._tasks(technique, number, proposal.theta, models)
            settling = goal if settings.early_rejection and not proposal.finish else None
            return {"tasks": [task.to_dict() for task in tasks], "settling": settling}

        def conclude(number: int, theta: Theta, result: dict[str, Any]) -> Trial:
            tried[number] = [Evaluation.model_validate(row) for row in result["evaluations"]]
            trial = to_trial(theta, tried[number], self.models, settings)
            self.display.trial(technique.name, number, settings.trials, trial)
            return trial

        searcher = FleetSearcher(
            trials=settings.trials,
            lag=settings.concurrent_trials or 1,
            propose=choose,
            configure=configure,
            conclude=conclude,
        )
        self.display.technique(technique.name, settings.trials)
        run_tune(searcher, self.dispatcher)
        self.display.plan(len(self.models) * (len(searcher.finished) - settings.trials))
        trials = tuple(searcher.finished[number] for number in sorted(searcher.finished))
        growths = {n: self._growth(technique, trial.theta) for n, trial in enumerate(trials)}
        return Searched(trials, searcher.ended, self._savings(tried), growths)

    def replicate(
        self,
        technique: Technique,
        number: int,
        theta: Theta,
        models: Sequence[ModelSpec],
        seeds: Sequence[int],
    ) -> tuple[Trial, ...]:
        """θ again on each of the seeds: a complete trial a seed, over the models.

        Args:
            number: Of the trial that tried θ first.
        """
        tasks = self._tasks(technique, number, theta, models)
        evaluate = self.dispatcher.evaluate
        asked = [[_ask(evaluate, task, seed) for task in tasks] for seed in seeds]
        return tuple(to_trial(theta, collect(refs), models, self.settings) for refs in asked)

    def trainable(self, models: Sequence[ModelSpec], seeds: Sequence[int]) -> tuple[ModelSpec, ...]:
        """The models whose baselines train on all of the seeds; the others are named."""
        baseline = self.dispatcher.baseline
        asked = [[_ask(baseline, self.task(model), seed) for seed in seeds] for model in models]
        kept = []
        for model, references in zip(models, asked, strict=True):
            baselines = ray.get(references)
            failures = [baseline["failure"] for baseline in baselines if baseline["failure"]]
            if failures:
                self.display.say(f"left out of the holdout: {model.name}: {failures[0]}")
            else:
                kept.append(model)
        return tuple(kept)

    def fitting(self, technique: Technique, models: Sequence[ModelSpec]) -> tuple[ModelSpec, ...]:
        """The models that a technique may change, as they are built now."""
        return fitting(technique, models, self.templates, self.schemas)

    def task(self, model: ModelSpec) -> Task:
        """The baseline evaluation of a model."""
        template = self.templates[model.name]
        return Task(
            template=template,
            model=model,
            seed=self.settings.seed,
            log_digest=self.digests[model.name],
            files=self.files.of(template),
        )

    def _refusal(self, technique: Technique, theta: Theta) -> str | None:
        """Why a θ costs too much to be tried, or None."""
        if self.budget is None:
            return None
        changed = try_technique(technique, theta, self.templates)
        return None if changed is None else self.budget.refusal(changed)

    def _growth(self, technique: Technique, theta: Theta) -> Growth | None:
        """By how much θ makes serving the fleet dearer, where that is known."""
        if self.budget is None:
            return None
        changed = try_technique(technique, theta, self.templates)
        return None if changed is None else self.budget.growth(changed)

    def _savings(self, tried: Mapping[int, Sequence[Evaluation]]) -> dict[int, Savings]:
        """Number of a trial -> what it saves against the baselines, of those on all models."""
        baseline = self.dispatcher.baseline
        before = collect(
            [_ask(baseline, self.task(model), self.settings.seed) for model in self.models]
        )
        shares = self.settings.goal(self.models).shares
        savings: dict[int, Savings] = {}
        for number, evaluations in tried.items():
            by_model = {evaluation.model: evaluation for evaluation in evaluations}
            after = [by_model[model.name] for model in self.models if model.name in by_model]
            if len(after) == len(before):
                saved = mean_savings(before, after, shares)
                savings |= {} if saved is None else {number: saved}
        return savings

    def _tasks(
        self, technique: Technique, number: int, theta: Theta, models: Sequence[ModelSpec]
    ) -> list[Task]:
        """The evaluations of a trial, in the models' order: θ changes each model's own template."""
        applied: dict[int, tuple[Template | None, str | None]] = {}
        tasks = []
        for model in models:
            before = self.templates[model.name]
            if id(before) not in applied:
                applied[id(before)] = _apply(technique, before, theta)
            template, failure = applied[id(before)]
            change = {
                "technique": technique.name,
                "trial": number,
                "theta": theta,
                "template": template,
                "failure": failure,
                "files": self.files.of(before, template),
            }
            tasks.append(self.task(model).model_copy(update=change))
        return tasks

    def _decided(self, technique: Technique) -> dict[int, Proposal]:
        """Trial number -> what an interrupted run had decided to try."""
        proposals = ray.get(self.dispatcher.proposals.remote(technique.name))
        return {
            number: Proposal(**{**values, "order": tuple(values["order"])})
            for number, values in proposals.items()
        }

    def _decide(self, technique: Technique, number: int, state: SearchState) -> Proposal | None:
        """What to try; it is durable before it is tried."""
        proposal = propose(state, self.settings.method)
        if proposal is not None:
            record = self.dispatcher.record_proposal
            ray.get(record.remote(technique.name, number, asdict(proposal)))
        return proposal


def fitting(
    technique: Technique,
    models: Sequence[ModelSpec],
    templates: Mapping[str, Template],
    schemas: Mapping[str, Schema],
) -> tuple[ModelSpec, ...]:
    """The models that a technique may change; the others' Δ would be 0 at every θ.

    Args:
        templates: By model's name.
        schemas: By `log_name`.
    """
    return tuple(
        model
        for model in models
        if technique.may_change(templates[model.name], model, schemas[log_name(model.log)])
    )


def _ask(method: Any, task: Task, seed: int) -> Any:
    """Reference of an evaluation on a seed, asked of the dispatcher."""
    return method.remote(task.model_copy(update={"seed": seed}).to_dict())


def to_trial(
    theta: Theta,
    evaluations: Sequence[Evaluation],
    models: Sequence[ModelSpec],
    settings: Settings,
) -> Trial:
    """A trial out of its evaluations, in the models' order.

    A model may be left out where enough others regressed: it is not evaluated.
    """
    by_model = {evaluation.model: evaluation.outcome for evaluation in evaluations}
    outcomes = [by_model.get(model.name, Delta.not_evaluated()) for model in models]
    outcome = aggregate(
        outcomes,
        settings.weights_of(models),
        alpha=settings.alpha,
        epsilon=settings.epsilon,
    )
    return Trial(theta, outcomes, aggregate=outcome)


def _apply(
    technique: Technique, template: Template, theta: Theta
) -> tuple[Template | None, str | None]:
    """The changed template, or why the technique could not be applied at this θ."""
    try:
        return technique.apply(template, theta), None
    except Exception as error:
        return None, sentence(error)
