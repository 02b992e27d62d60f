"""Which of a search's trials to recommend."""

from collections.abc import Sequence

from smt.search.trial import Trial
from smt.spec import Spec

# What a recommendation must reach, and what a claim that nothing is left must.
SURE = 0.95


class Estimate(Spec):
    """What the surrogate thinks of a tried θ.

    Attributes:
        trial: Its number.
        mean, sem: Of μ, percent.
        feasible_probability: P(R <= ε).
    """

    trial: int
    mean: float
    sem: float
    feasible_probability: float


def choose(
    trials: Sequence[Trial], estimates: Sequence[Estimate]
) -> tuple[Trial | None, Estimate | None]:
    """θ* among the trials, and the surrogate's estimate of it; without estimates, by Eq. 5."""
    best = recommend(trials, estimates)
    return (best_trial(trials), None) if best is None else (trials[best.trial], best)


def recommend(trials: Sequence[Trial], estimates: Sequence[Estimate]) -> Estimate | None:
    """Of the feasible trials, the largest μ by the surrogate that is surely feasible.

    The θ of the largest observed A lies on the edge of what is feasible, and is truly
    infeasible too often. Where none is sure, the surest; None where no trial is feasible.
    """
    feasible = [estimate for estimate in estimates if trials[estimate.trial].aggregate.feasible]
    sure = [estimate for estimate in feasible if estimate.feasible_probability >= SURE]
    if sure:
        return max(sure, key=lambda estimate: estimate.mean)
    return max(feasible, key=lambda estimate: estimate.feasible_probability, default=None)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the largest A (Eq. 5), the first of equals; None where none is feasible."""
    feasible = [trial for trial in trials if trial.aggregate.feasible]
    return max(feasible, key=lambda trial: trial.aggregate.value, default=None)
