"""What a back-test found: Δ of every model, and whether the version is kept."""

import math
from dataclasses import dataclass

from smt.execution.evaluation import Evaluation
from smt.fleet import ModelSpec
from smt.mmo import Aggregate, Settings, aggregate
from smt.mmo.verdict.significance import combine_replicates
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
    def deltas(self) -> tuple[float, ...]:
        """Δ of every seed, percent; NaN where it failed."""
        return tuple(math.nan if each.delta is None else each.delta for each in self.after)

    @property
    def delta(self) -> float:
        """Mean Δ over the seeds; NaN where one failed."""
        return combine_replicates(self.deltas, [each.sem for each in self.after])[0]

    @property
    def sem(self) -> float | None:
        """Standard error of `delta`; None where a seed failed.

        See `smt.mmo.verdict.significance.combine_replicates`; one seed says nothing of other seeds.
        """
        return combine_replicates(self.deltas, [each.sem for each in self.after])[1]

    @property
    def failure(self) -> str | None:
        """Why a seed failed under the new template; None where none did."""
        return next((each.failure for each in self.after if each.failure is not None), None)


@dataclass(frozen=True)
class Comparison:
    """The outcome of a back-test; a comparison a model, in the order given."""

    models: tuple[ModelComparison, ...]
    seeds: tuple[int, ...]
    settings: Settings

    @property
    def aggregate(self) -> Aggregate:
        """μ, R and A over all models."""
        return aggregate(
            [each.delta for each in self.models],
            [each.model.weight for each in self.models],
            alpha=self.settings.alpha,
            epsilon=self.settings.epsilon,
        )

    @property
    def kept(self) -> bool:
        """Whether A >= τ: the rule by which techniques generalize."""
        return self.aggregate.value >= self.settings.tau

    def record(self, fleet: str, command: str) -> BackTest | None:
        """What the version's file says of it; None where a model failed: there is no μ then."""
        found = self.aggregate
        if math.isnan(found.mean):
            return None
        return BackTest(
            fleet=fleet,
            models=len(self.models),
            mean=found.mean,
            regression_rate=found.regression_rate,
            deltas={each.model.name: each.delta for each in self.models},
            seeds=self.seeds,
            command=command,
        )
