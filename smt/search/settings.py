"""The settings of a generalization."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from smt.capacity import NEUTRAL, Capacity
from smt.search.goal import Goal
from smt.search.methods.catalogue import Method
from smt.seeds import Seed, fresh_seeds
from smt.spec import Spec, UnitInterval

if TYPE_CHECKING:
    from smt.fleet import ModelSpec


class Settings(Spec):
    """Thresholds and budget of Algorithm 1.

    Attributes:
        trials: N, how many θ of each technique are tried.
        max_evaluations: Of a technique's search: no trial begins once so many are known to be
            made; None for no limit.
        alpha: α, percent: a model regresses where its delta is below -α.
        epsilon: ε, the largest share of models that may regress.
        tau: τ, percent: the least A* of a technique that generalizes.
        weights: What a model counts in μ, w_i: its traffic, or as much as every other.
        saving: Share of FLOPs or bytes that a technique must save to generalize where its A does
            not reach τ and quality does not fall.
        capacity: By how many percent serving the fleet may become dearer, in FLOPs (by traffic) or
            in bytes: a θ that costs more, or breaks a model's limits, is not tried. `free`: all θ
            may be, and a model above its limits fails.
        method: See `smt.search.propose.propose`.
        early_rejection: Do not finish a trial in which too many models have regressed.
        early_stopping: End a search that is unlikely to gain, or that has no θ worth τ.
        concurrent_trials: Trials under way at a time; what is not known of those before it, a
            proposal allows for. As many as keep the cluster busy where None: at least 2.
        candidates: How many θ of a technique are measured again on fresh seeds.
        fresh_seeds: On how many at most: the first two, then one after the other until the verdict
            on the technique is known.
        holdout: How many models outside the representatives must confirm a technique; as many as
            there are representatives where None, if the fleet has them.
        paper_exact: Algorithm 1 to the letter: all trials, the θ of the largest observed A, no
            fresh seeds.
        sequential: Measure a technique on top of those accepted before it, rather than each one
            alone.
        seed: Of the networks' initial values and of the search.
    """

    trials: int = 20
    max_evaluations: PositiveInt | None = None
    alpha: NonNegativeFloat = 0.05
    epsilon: UnitInterval = 0.1
    tau: float = 0.05
    weights: Literal["traffic", "equal"] = "traffic"
    saving: Annotated[float, Field(gt=0, le=1)] = 0.05
    capacity: Capacity = NEUTRAL
    method: Method = "composite"
    early_rejection: bool = True
    early_stopping: bool = True
    concurrent_trials: PositiveInt | None = None
    candidates: PositiveInt = 3
    fresh_seeds: PositiveInt = 4
    holdout: NonNegativeInt | None = None
    paper_exact: bool = False
    sequential: bool = False
    seed: Seed = 0

    @property
    def measured_seeds(self) -> tuple[int, ...]:
        """Those on which a technique is confirmed."""
        if self.paper_exact:
            return (self.seed,)
        return fresh_seeds(self.seed, self.fresh_seeds)

    def filling(self, workers: int, models: int) -> "Settings":
        """With as many trials at a time as keep so many workers busy, where none are set.

        One more than they can train at once: its θ is chosen meanwhile.
        """
        if self.concurrent_trials is not None:
            return self
        return self.model_copy(update={"concurrent_trials": math.ceil(workers / models) + 1})

    def weights_of(self, models: Sequence["ModelSpec"]) -> list[float]:
        """A weight a model, on any scale."""
        return [model.weight if self.weights == "traffic" else 1.0 for model in models]

    def goal(self, models: Sequence["ModelSpec"]) -> Goal:
        """What a search over these models is after. Raises `InputError` for their weights."""
        return Goal.over(
            len(models),
            self.weights_of(models),
            alpha=self.alpha,
            epsilon=self.epsilon,
            tau=self.tau,
        )
