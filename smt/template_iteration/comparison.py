"""What a back-test found: Δ of every model, and whether the version is kept."""

import math
from dataclasses import dataclass

from smt.execution.evaluation import Evaluation
from smt.fleet import ModelSpec
from smt.mmo import Aggregate, Settings, Trial, aggregate
from smt.mmo.verdict.significance import combine_replicates
from smt.search.delta import Delta
from smt.template.versions import BackTest


@dataclass(frozen=True)
class ModelComparison:
    """One model under both templates.

    Attributes:
        before, after: One evaluation a seed; `after` holds the deltas.
    """

    model: ModelSpec
    before: tuple[Evaluation, ...]
    after: tuple[Evaluation, ...]

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    @property
    def deltas(self) -> tuple[Delta, ...]:
        """Δ of every seed."""
        return tuple(evaluation.outcome for evaluation in self.after)

    @property
    def delta(self) -> Delta:
        """Mean over the seeds; failed where one failed.

        See `smt.mmo.verdict.significance.combine_replicates`; one seed says nothing of other seeds.
        """
        return combine_replicates(self.deltas)


@dataclass(frozen=True)
class Comparison:
    """A template against its parent; a comparison a model, in the order given."""

    models: tuple[ModelComparison, ...]
    seeds: tuple[int, ...]
    settings: Settings

    @property
    def trial(self) -> Trial:
        """Every model's delta, and μ, R and A over all."""
        deltas = [compared.delta for compared in self.models]
        weights = [compared.model.weight for compared in self.models]
        alpha, epsilon = self.settings.alpha, self.settings.epsilon
        outcome = aggregate(deltas, weights, alpha=alpha, epsilon=epsilon)
        return Trial({}, deltas, aggregate=outcome)

    @property
    def aggregate(self) -> Aggregate:
        """μ, R and A over all models."""
        return self.trial.aggregate

    @property
    def kept(self) -> bool:
        """Whether A >= τ: the rule by which techniques generalize."""
        return self.aggregate.value >= self.settings.tau

    def record(self, fleet: str, command: str) -> BackTest | None:
        """What the version's file says of it; None where a model failed: there is no μ then."""
        aggregated = self.aggregate
        if math.isnan(aggregated.mean):
            return None
        return BackTest(
            fleet=fleet,
            models=len(self.models),
            mean=aggregated.mean,
            regression_rate=aggregated.regression_rate,
            deltas={
                compared.name: compared.delta.value
                for compared in self.models
                if compared.delta.value is not None
            },
            seeds=self.seeds,
            command=command,
        )
