"""The settings of a generalization."""

from collections.abc import Sequence

from pydantic import NonNegativeFloat, PositiveInt

from smt.fleet import ModelSpec
from smt.mmo.goal import Goal
from smt.mmo.search import Method
from smt.spec import Spec


class Settings(Spec):
    """Thresholds and budget of Algorithm 1.

    Attributes:
        trials: N, how many θ of each technique are tried.
        alpha: α, percent: a model regresses where its delta is below -α.
        epsilon: ε, the largest share of models that may regress.
        tau: τ, percent: the least A* of a technique that generalizes.
        method: See `smt.mmo.search.propose`.
        early_rejection: Do not finish a trial in which too many models have regressed.
        early_stopping: End a search that is unlikely to gain, or that has no θ worth τ.
        concurrent_trials: Trials under way at a time. The next θ is chosen while the one
            before it still runs, without its outcome.
        seed: Of the networks' initial values and of the search.
    """

    trials: int = 20
    alpha: NonNegativeFloat = 0.05
    epsilon: NonNegativeFloat = 0.1
    tau: float = 0.05
    method: Method = "composite"
    early_rejection: bool = True
    early_stopping: bool = True
    concurrent_trials: PositiveInt = 2
    seed: int = 0

    def goal(self, models: Sequence[ModelSpec]) -> Goal:
        """What a search over these models is after. Raises `InputError` for their weights."""
        return Goal.over(
            len(models),
            [model.weight for model in models],
            alpha=self.alpha,
            epsilon=self.epsilon,
            tau=self.tau,
        )
