"""How sure the verdict on a technique is: what noise leaves open of Δ, μ and R.

Deltas, their standard errors (sem) and α are in percent. Errors are taken as normal, and those
of different models as independent. Models of a fleet that share users or rows, and models
trained from the same seeds, have correlated errors: an interval of μ is then too narrow, and
the distribution of R too concentrated.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri
from scipy.stats import poisson_binom

from smt.search.aggregate import mean_sem, normalise_weights
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.posterior import FEWEST, chance_below, learn_population, noisy_places

# Chance that an interval holds the true μ.
CONFIDENCE = 0.95


def regression_chances(outcomes: Sequence[Delta], alpha: float) -> list[float]:
    """The chance, a model, that its true Δ is below -α, given what was measured.

    It is Φ((-α - Δ) / sem): what is known beforehand of Δ is taken as flat. Without a standard
    error, or with one of 0, a delta is taken at its word, as `smt.search.regressed` has it.

    Args:
        outcomes: A delta a model, measured or failed, which makes the chance 1.
    """
    return [
        1.0 if delta.value is None else chance_below(delta.value, delta.sem, alpha)
        for delta in outcomes
    ]


def feasible_probability(chances: Sequence[float], epsilon: float) -> float:
    """P(R <= ε), where R is the share of the models whose true Δ is below -α.

    How many regress has a Poisson-binomial distribution. That `aggregate` rejects every trial that
    has a failed model, whatever its R, is not part of this number.

    Args:
        chances: m chances, one a model, as `regression_chances` gives them; independent.
    """
    models = len(chances)
    distribution = poisson_binom.pmf(np.arange(models + 1), chances).tolist()
    # The comparison of `aggregate`, to the bit: 63 / 90 is 0.7, and 0.7 * 90 is below 63.
    allowed = [p for count, p in enumerate(distribution) if not count / models > epsilon]
    return min(math.fsum(allowed), 1.0)


def pooled_feasible_probability(outcomes: Sequence[Delta], goal: Goal) -> float:
    """P(R <= ε) where each model's true Δ is judged in the light of the others'.

    They are drawn from one normal distribution (`smt.search.posterior`). Deltas of failed models,
    of networks that diverged, or without a standard error, are taken at their word.
    """
    alpha, epsilon = goal.alpha, goal.epsilon
    chances = regression_chances(outcomes, alpha)
    noisy = noisy_places(outcomes, alpha)
    if len(noisy) < FEWEST:
        return feasible_probability(chances, epsilon)
    values = np.array([outcomes[place].value for place in noisy], dtype=np.float64)
    variances = np.array([outcomes[place].sem for place in noisy], dtype=np.float64) ** 2
    population = learn_population(values, variances)
    found = population.posterior(values, variances)
    feasible = 0.0
    for weight, means, spreads in zip(population.weights, *found, strict=True):
        for place, mean, spread in zip(noisy, means.tolist(), spreads.tolist(), strict=True):
            chances[place] = chance_below(mean, spread, alpha)
        feasible += weight * feasible_probability(chances, epsilon)
    return min(float(feasible), 1.0)


def mean_interval(
    outcomes: Sequence[Delta], weights: Sequence[float] | None = None
) -> tuple[float, float] | None:
    """Two-sided 95% confidence interval of μ, percent, from m independent deltas.

    Were all errors perfectly correlated, the standard error of μ would be the weighted mean
    of the sems, up to √m times what is used here.

    Args:
        weights: m importances on any scale; equal where None.

    Returns:
        Its ends; None where a model failed or was not evaluated, so that there is no μ, or
        where a sem is unknown.
    """
    shares = normalise_weights(weights, len(outcomes))
    error = mean_sem([delta.sem for delta in outcomes], shares)
    values = [delta.value for delta in outcomes if delta.value is not None]
    if error is None or len(values) < len(outcomes):
        return None
    mean = math.fsum(share * value for share, value in zip(shares, values, strict=True))
    half = float(ndtri((1 + CONFIDENCE) / 2)) * error
    return mean - half, mean + half


def combine_replicates(deltas: Sequence[Delta], *, seed_variance: float | None = None) -> Delta:
    """One model's mean Δ over S seeds, with its standard error where the sems are known.

    sqrt(mean_s(sem_s²) + var_s(Δ_s) / S): all seeds are measured on the same rows, so what the
    rows leave open does not shrink with more seeds. Slightly too large, as both terms hold what
    a seed makes of a row.

    Args:
        deltas: Of each seed. Where one failed, the first that did is returned.
        seed_variance: Variance of Δ between seeds, percent squared, known from more than
            these: a few seeds of one model say little. Without it, one seed has the standard
            error of the rows alone.
    """
    values = [delta.value for delta in deltas if delta.value is not None]
    sems = [delta.sem for delta in deltas if delta.sem is not None]
    if len(values) < len(deltas):
        return next(delta for delta in deltas if delta.value is None)
    mean = math.fsum(values) / len(values)
    if len(sems) < len(values):
        return Delta.measured(mean)
    of_rows = math.fsum(sem**2 for sem in sems) / len(sems)
    if seed_variance is None:
        seed_variance = 0.0 if len(values) == 1 else float(np.var(values, ddof=1))
    return Delta.measured(mean, math.sqrt(of_rows + seed_variance / len(values)))


def seed_variance(deltas_by_model: Sequence[Sequence[float]]) -> float:
    """Variance of Δ between seeds, percent squared, pooled over models by degrees of freedom.

    Each model has its own mean, so only the spread within models counts. Nothing is taken off
    for sem²: the seeds of a model are measured on the same rows, whose noise moves them
    together and is not in their spread. What a seed makes of a row is in both sem² and this
    variance, so their sum is slightly too large; the per-model sems alone cannot tell how much.

    Args:
        deltas_by_model: At least 2 deltas a model, percent, one a seed.
    """
    squares = [len(deltas) * float(np.var(deltas)) for deltas in deltas_by_model]
    return math.fsum(squares) / sum(len(deltas) - 1 for deltas in deltas_by_model)
