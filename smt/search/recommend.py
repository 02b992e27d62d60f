"""Which of a search's trials to recommend."""

import math
from collections.abc import Sequence

from smt.search.aggregate import mean_sem
from smt.search.trial import Trial
from smt.spec import Spec

# What a recommendation must reach, and what a claim that nothing is left must.
SURE = 0.95
# By which power of it a chance below that counts: at P(R <= ε) = 0.8, μ must be twice as large.
CAUTION = 4
# How many standard errors a measured μ may be from its estimate.
MOST_ERRORS = 4.0


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
    trials: Sequence[Trial], estimates: Sequence[Estimate], shares: Sequence[float]
) -> tuple[Trial | None, Estimate | None]:
    """θ* among the trials, and the surrogate's estimate of it; without estimates, by Eq. 5.

    None where no trial is better than to leave the template as it is, A = 0.

    Args:
        shares: The models' weights, summing to 1.
    """
    best = recommend(trials, estimates, shares)
    if best is not None:
        return trials[best.trial], best
    paper = best_trial(trials)
    better = paper is not None and paper.aggregate.value > 0 and not estimates
    return (paper if better else None), None


def recommend(
    trials: Sequence[Trial], estimates: Sequence[Estimate], shares: Sequence[float]
) -> Estimate | None:
    """Of the trials with A > 0, the largest μ by the surrogate, less where R <= ε is not sure.

    The θ of the largest observed A lies on the edge of what is feasible, and is truly
    infeasible too often. But where errors are near α, only a θ that does next to nothing is sure:
    a much larger μ may be a little less so. None where no trial, measured and by its estimate, is
    better than nothing; an estimate that is far from what was measured is none.
    """
    sound = [
        estimate
        for estimate in estimates
        if trials[estimate.trial].aggregate.value > 0
        and estimate.mean > 0
        and not contradicted(estimate, trials[estimate.trial], shares)
    ]
    return max(sound, key=_worth, default=None)


def _worth(estimate: Estimate) -> tuple[float, float]:
    """In logarithms, as powers of small chances are 0; by μ alone where a chance is."""
    chance = min(estimate.feasible_probability / SURE, 1.0)
    caution = CAUTION * math.log(chance) if chance else -math.inf
    return math.log(estimate.mean) + caution, estimate.mean


def contradicted(estimate: Estimate, trial: Trial, shares: Sequence[float]) -> bool:
    """Whether μ as measured is further from the estimate than both their errors allow."""
    noise = mean_sem(trial.sems, shares) or 0.0
    away = abs(trial.aggregate.mean - estimate.mean)
    return away > MOST_ERRORS * math.hypot(noise, estimate.sem)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the largest A (Eq. 5), the first of equals; None where none is feasible."""
    feasible = [trial for trial in trials if trial.aggregate.feasible]
    return max(feasible, key=lambda trial: trial.aggregate.value, default=None)
