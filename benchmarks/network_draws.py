"""Which networks of a pool a technique that does nothing meets, and how it is measured by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from network_pool import Pool
from numpy.typing import NDArray

from smt.mmo.verdict.confirmation import measure
from smt.mmo.verdict.fresh_seeds import measure_until_known
from smt.results.technique import Replication
from smt.search.aggregate import aggregate
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.space import Theta

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """What a technique trains: the search's baseline and T trials, then C of them on S seeds.

    Attributes:
        common: Candidates are of one seed for all models, not of their own for each.
        seed: Of the draws.
    """

    trials: int
    candidates: int
    seeds: int
    common: bool = False
    seed: int = 0

    @property
    def networks(self) -> int:
        """How many a model, baselines included."""
        return 1 + self.trials + self.seeds * (1 + self.candidates)


@dataclass(frozen=True)
class Draw:
    """Which networks of a pool a technique meets.

    Attributes:
        base: Baseline of the search.
        fresh: `[S]` baselines of the fresh seeds.
        tried: `[M, T]` candidates of the search.
        again: `[M, C, S]` candidates on fresh seeds.
    """

    base: int
    fresh: Places
    tried: Places
    again: Places


def draw(number: int, pool: Pool, plan: Plan) -> Draw:
    """The networks of the technique of this number; none is met twice."""
    random = np.random.default_rng([plan.seed, number])
    order = random.permutation(pool.size)
    fresh, rest = order[1 : 1 + plan.seeds], order[1 + plan.seeds :]
    models = len(pool.models)
    shuffled = np.stack(
        [rest] * models if plan.common else [random.permutation(rest) for _ in range(models)]
    )
    tried, others = np.split(shuffled, [plan.trials], axis=1)
    again = others[:, : plan.candidates * plan.seeds]
    return Draw(int(order[0]), fresh, tried, again.reshape(models, plan.candidates, plan.seeds))


def measure_again(
    chosen: Sequence[tuple[int, Theta]], drawn: Draw, pool: Pool, goal: Goal
) -> tuple[Replication, ...]:
    """The chosen (number, θ) on fresh seeds, as many as the verdict takes."""

    def again(places: Sequence[int], seeds: Sequence[int]) -> list[list[Trial]]:
        return [replicates(chosen[place][1], place, seeds, drawn, pool, goal) for place in places]

    seeds = range(len(drawn.fresh))
    return measure_until_known(chosen, again, seeds, goal, pool.models) if chosen else ()


def measure_on_all(candidates: int, drawn: Draw, pool: Pool, goal: Goal) -> tuple[Replication, ...]:
    """So many candidates on all fresh seeds, whatever the first ones say."""
    seeds = range(len(drawn.fresh))
    trials = [replicates({}, place, seeds, drawn, pool, goal) for place in range(candidates)]
    return measure(
        [(place, {}, tried) for place, tried in enumerate(trials)], seeds, goal, pool.models
    )


def replicates(
    theta: Theta, place: int, seeds: Sequence[int], drawn: Draw, pool: Pool, goal: Goal
) -> list[Trial]:
    """A complete trial of the `place`th candidate a seed."""
    return [replicate(theta, place, seed, drawn, pool, goal) for seed in seeds]


def replicate(theta: Theta, place: int, seed: int, drawn: Draw, pool: Pool, goal: Goal) -> Trial:
    """A complete trial of the `place`th candidate on one fresh seed."""
    measured = [
        pool.evaluate(model, drawn.fresh[seed], drawn.again[model, place, seed])
        for model in range(len(pool.models))
    ]
    deltas, sems = zip(*measured, strict=True)
    outcome = aggregate(deltas, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
    return Trial(theta, deltas, sems, outcome)
