"""What a back-test found: Δ of every model, and whether the version is kept."""

import math
from dataclasses import dataclass

from smt.execution.evaluation import Evaluation
from smt.fleet import ModelSpec
from smt.fleet.budget import Growth
from smt.mmo import Aggregate, Settings, Trial, aggregate
from smt.mmo.verdict.confirmation import LEVEL
from smt.mmo.verdict.saving import mean_savings, non_inferior
from smt.mmo.verdict.significance import combine_replicates, pooled_feasible_probability
from smt.mmo.verdict.stopping import critical_value
from smt.results.savings import Savings
from smt.search.aggregate import mean_sem
from smt.search.delta import Delta
from smt.search.goal import Goal
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
    """A template against its parent; a comparison a model, in the order given.

    Attributes:
        only_savers: Whether all its techniques generalized because they save.
    """

    models: tuple[ModelComparison, ...]
    seeds: tuple[int, ...]
    settings: Settings
    only_savers: bool = False

    @property
    def trial(self) -> Trial:
        """Every model's delta, and μ, R and A over all."""
        deltas = [compared.delta for compared in self.models]
        weights = self.settings.weights_of([compared.model for compared in self.models])
        alpha, epsilon = self.settings.alpha, self.settings.epsilon
        outcome = aggregate(deltas, weights, alpha=alpha, epsilon=epsilon)
        return Trial({}, deltas, aggregate=outcome)

    @property
    def aggregate(self) -> Aggregate:
        """μ, R and A over all models."""
        return self.trial.aggregate

    @property
    def kept(self) -> bool:
        """Whether A >= τ, or savers still save and do no harm: as techniques generalize."""
        return self.aggregate.value >= self.settings.tau or (self.only_savers and self.saves)

    @property
    def saves(self) -> bool:
        """Whether it saves enough, and is non-inferior."""
        enough = self.savings is not None and self.savings.reach(self.settings.saving)
        unharmed = non_inferior(self.lower, self.feasible_probability, self.goal)
        return enough and unharmed and self.aggregate.feasible

    @property
    def savings(self) -> Savings | None:
        """What serving the models costs less; None where a cost is not known."""
        return mean_savings(
            [compared.before[0] for compared in self.models],
            [compared.after[0] for compared in self.models],
            self.goal.shares,
        )

    @property
    def goal(self) -> Goal:
        """What the version is to reach over the models."""
        return self.settings.goal([compared.model for compared in self.models])

    @property
    def lower(self) -> float | None:
        """One-sided 95% bound of μ, percent; None where a model failed or an error is unknown."""
        error = mean_sem([compared.delta.sem for compared in self.models], self.goal.shares)
        if error is None or math.isnan(self.aggregate.mean):
            return None
        return self.aggregate.mean - critical_value(1, LEVEL) * error

    @property
    def feasible_probability(self) -> float:
        """P(R <= ε)."""
        return pooled_feasible_probability([compared.delta for compared in self.models], self.goal)

    def record(self, fleet: str, command: str, growth: Growth | None = None) -> BackTest | None:
        """What the version's file says of it; None where a model failed: there is no μ then.

        Args:
            growth: Of what serving the whole fleet costs, where that is known.
        """
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
            growth=growth,
            command=command,
        )
