"""The trainings of a back-test: samples of models under templates and under their parents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayTaskError

from smt.errors import InputError
from smt.execution.dispatcher import collect
from smt.execution.evaluation import Evaluation, Task
from smt.mmo.progress import Display
from smt.mmo.technique_search import to_trial
from smt.results.technique import Kind
from smt.template import Template
from smt.template_iteration.candidate import Candidate
from smt.template_iteration.comparison import Comparison, ModelComparison


@dataclass(frozen=True)
class AskedSample:
    """A candidate's sample that is being trained under a template.

    Attributes:
        label: What a person sees of it.
        kinds: Why the template's techniques generalized.
        references: One a seed.
    """

    candidate: Candidate
    label: str
    kinds: tuple[Kind, ...]
    references: tuple[Any, ...]


@dataclass(frozen=True)
class SampleTraining:
    """Trains samples of models, any number of them at once.

    Attributes:
        digests: Model -> digest of its log.
        files: Digests of what templates name.
    """

    seeds: tuple[int, ...]
    digests: dict[str, str]
    files: dict[str, str]
    dispatcher: Any
    display: Display

    def ask(
        self, candidate: Candidate, name: str, template: Template, kinds: Iterable[Kind]
    ) -> AskedSample:
        """Begin to train a candidate's models under a template, and under their parent before it.

        Nothing is trained under it with a seed of which a parent's training fails.

        Args:
            name: What the ledger calls the template.
        """
        references = []
        for number, seed in enumerate(self.seeds):
            trained = candidate.change.as_trained(template)
            update = {"technique": name, "trial": number, "template": trained}
            tasks = [task.model_copy(update=update) for task in self._tasks(candidate, seed)]
            references.append(self.dispatcher.trial.remote([t.to_dict() for t in tasks], None))
        self.display.plan(len(candidate.models) * len(self.seeds))
        return AskedSample(candidate, f"{candidate.name} {name}", (*kinds,), tuple(references))

    def compare(self, asked: AskedSample) -> Comparison:
        """What was asked for, with the parent, once it is trained; a seed is shown as a trial is.

        Raises:
            InputError: A model does not train under the parent.
        """
        self.display.technique(asked.label, len(self.seeds))
        candidate, settings = asked.candidate, asked.candidate.settings
        try:
            before = [self._parents(candidate, seed) for seed in self.seeds]
        except InputError:
            self.display.plan(-len(candidate.models) * len(self.seeds))
            _let_end(asked.references)
            raise
        after: list[list[Evaluation]] = []
        for number, reference in enumerate(asked.references):
            after.append(collect(reference))
            trial = to_trial({}, after[-1], candidate.models, settings)
            self.display.trial(asked.label, number, len(self.seeds), trial)
        by_model = zip(*before, strict=True), zip(*after, strict=True)
        compared = tuple(map(ModelComparison, candidate.models, *by_model))
        only_savers = all(kind == "saving" for kind in asked.kinds)
        return Comparison(compared, self.seeds, settings, only_savers)

    def _parents(self, candidate: Candidate, seed: int) -> list[Evaluation]:
        """A model each."""
        tasks = [task.to_dict() for task in self._tasks(candidate, seed)]
        evaluations = collect([self.dispatcher.baseline.remote(task) for task in tasks])
        for evaluation in evaluations:
            if evaluation.failure is not None:
                raise InputError(
                    f"model '{evaluation.model}' does not train under the parent version of "
                    f"template '{candidate.parent.name}': {evaluation.failure}"
                )
        return evaluations

    def _tasks(self, candidate: Candidate, seed: int) -> list[Task]:
        """Of the parent, a model each."""
        return [
            Task(
                template=candidate.parent,
                model=model,
                seed=seed,
                log_digest=self.digests[model.name],
                files=self.files,
            )
            for model in candidate.models
        ]


def _let_end(references: Iterable[Any]) -> None:
    """Wait for what is not needed any more: Ray prints an error that nobody takes."""
    for reference in references:
        try:
            ray.get(reference)
        except RayTaskError as error:
            if not isinstance(error.cause, InputError):
                raise
