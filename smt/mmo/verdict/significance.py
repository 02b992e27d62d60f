"""How sure the verdict on a technique is: what noise leaves open of Δ, μ and R.

Deltas, their standard errors (sem) and α are in percent. Errors are taken as normal, and those
of different models as independent. Models of a fleet that share users or rows, and models
trained from the same seeds, have correlated errors: an interval of μ is then too narrow, and
the distribution of R too concentrated.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import poisson_binom

from smt.errors import InputError
from smt.search.aggregate import mean_sem, normalise_weights
from smt.search.delta import Delta
from smt.search.divergence import diverged
from smt.search.regressed import regressed

# Values of the standard deviation between models over which P(R <= ε) is averaged.
GRID = 48


def regression_chances(
    deltas: Sequence[float | None], sems: Sequence[float | None], *, alpha: float
) -> list[float]:
    """The chance, a model, that its true Δ is below -α, given what was measured.

    It is Φ((-α - Δ) / sem): what is known beforehand of Δ is taken as flat.

    Args:
        deltas: m deltas, percent. NaN failed: the chance is 1.
        sems: Their standard errors, percent. Where one is None, NaN or 0, the delta is taken
            at its word: the chance is 0 or 1, as `smt.search.regressed` has it.

    Raises:
        InputError: A model is not evaluated (None), a sem is impossible, or lengths differ.
    """
    return [_regression_chance(delta, alpha) for delta in _with_sems(deltas, sems)]


def regression_distribution(chances: Sequence[float]) -> NDArray[np.float64]:
    """`[m + 1]` chances that 0 to m of the models regress: the Poisson-binomial distribution.

    Args:
        chances: m chances, one a model, as `regression_chances` gives them; independent.

    Raises:
        InputError: There is no model, or a chance is outside [0, 1].
    """
    if len(chances) == 0:
        raise InputError("there are no models whose regressions could be counted")
    for chance in chances:
        if not 0 <= chance <= 1:
            raise InputError(f"chance {chance} is not a number from 0 to 1")
    return np.asarray(poisson_binom.pmf(np.arange(len(chances) + 1), chances), dtype=np.float64)


def feasible_probability(
    deltas: Sequence[float | None],
    sems: Sequence[float | None],
    *,
    alpha: float,
    epsilon: float,
) -> float:
    """P(R <= ε), where R is the share of the models whose true Δ is below -α.

    A failed model (NaN) has regressed for certain. That `aggregate` rejects every trial that
    has one, whatever its R, is not part of this number.

    Raises:
        InputError: As `regression_chances` and `regression_distribution` do.
    """
    return _feasible_probability(regression_chances(deltas, sems, alpha=alpha), epsilon)


def pooled_feasible_probability(
    deltas: Sequence[float | None],
    sems: Sequence[float | None],
    *,
    alpha: float,
    epsilon: float,
) -> float:
    """P(R <= ε) where each model's true Δ is judged in the light of the others'.

    Noise spreads measured deltas further apart than the true ones are, and makes regressions
    where there are none. Here true deltas are drawn from one normal distribution, of which
    nothing is known beforehand: flat priors on its mean and its standard deviation (Gelman 2006).
    Deltas of failed models, of networks that diverged, or without a standard error, are taken at
    their word.

    Raises:
        InputError: As `feasible_probability` does.
    """
    noisy = [
        place
        for place, delta in enumerate(_with_sems(deltas, sems))
        if delta.sem and not diverged(delta, alpha)
    ]
    chances = regression_chances(deltas, sems, alpha=alpha)
    if len(noisy) < 3:
        return _feasible_probability(chances, epsilon)
    values = np.array([deltas[place] for place in noisy], dtype=np.float64)
    variances = np.array([sems[place] for place in noisy], dtype=np.float64) ** 2
    feasible = 0.0
    for weight, means, spreads in zip(*_pool(values, variances), strict=True):
        for place, mean, spread in zip(noisy, means.tolist(), spreads.tolist(), strict=True):
            chances[place] = _chance_below(mean, spread, alpha)
        feasible += weight * _feasible_probability(chances, epsilon)
    return min(float(feasible), 1.0)


def _pool(
    values: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """`[g]` weights of standard deviations between models, `[g, m]` posterior means and spreads."""
    widest = 2 * math.sqrt(float(values.var()) + float(variances.mean()))
    between = ((np.arange(GRID) + 0.5) / GRID * widest)[:, None] ** 2
    precision = 1 / (variances + between)
    total = precision.sum(1, keepdims=True)
    centre = (precision * values).sum(1, keepdims=True) / total
    misfit = (precision * (values - centre) ** 2).sum(1)
    likelihood = 0.5 * (np.log(precision).sum(1) - np.log(total[:, 0]) - misfit)
    weights = np.exp(likelihood - likelihood.max())
    kept = between * precision
    means = kept * values + (1 - kept) * centre
    # What is not known of the centre is part of what is not known of each.
    spreads = np.sqrt(kept * variances + (1 - kept) ** 2 / total)
    return weights / weights.sum(), means, spreads


def mean_interval(
    deltas: Sequence[float | None],
    sems: Sequence[float | None],
    weights: Sequence[float] | None = None,
    *,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Two-sided confidence interval of μ, percent, from m independent deltas.

    Were all errors perfectly correlated, the standard error of μ would be the weighted mean
    of the sems, up to √m times what is used here.

    Args:
        deltas: m deltas, percent.
        sems: Their standard errors, percent.
        weights: m importances on any scale; equal where None.
        confidence: Chance that the interval holds the true μ, inside (0, 1).

    Returns:
        Its ends; None where a model failed or was not evaluated, so that there is no μ, or
        where a sem is unknown.

    Raises:
        InputError: Lengths differ, or a weight, a sem or the confidence is impossible.
    """
    outcomes = _with_sems(deltas, sems)
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence} is not inside 0 to 1; 0.95 is usual")
    shares = normalise_weights(weights, len(deltas))
    error = mean_sem([delta.sem for delta in outcomes], shares)
    values = [delta.value for delta in outcomes if delta.value is not None]
    if error is None or len(values) < len(outcomes):
        return None
    mean = math.fsum(share * value for share, value in zip(shares, values, strict=True))
    half = float(ndtri((1 + confidence) / 2)) * error
    return mean - half, mean + half


def combine_replicates(
    deltas: Sequence[float],
    sems: Sequence[float | None],
    *,
    seed_variance: float | None = None,
) -> tuple[float, float | None]:
    """One model's Δ over S seeds and its standard error, both percent.

    sqrt(mean_s(sem_s²) + var_s(Δ_s) / S): all seeds are measured on the same rows, so what the
    rows leave open does not shrink with more seeds. Slightly too large, as both terms hold what
    a seed makes of a row.

    Args:
        deltas: S deltas, percent; NaN where a seed failed.
        sems: Their standard errors over rows, percent; None where unknown.
        seed_variance: Variance of Δ between seeds, percent squared, known from more than
            these: a few seeds of one model say little. Without it, one seed has the standard
            error of the rows alone.

    Returns:
        The mean, NaN where a seed failed; and its standard error, None where a seed failed or
        a sem is unknown.

    Raises:
        InputError: There is no seed, lengths differ, or a sem or the variance is impossible.
    """
    outcomes = _with_sems(deltas, sems)
    if len(deltas) == 0:
        raise InputError("there are no replicates to combine; give one delta a seed")
    if seed_variance is not None and not 0 <= seed_variance < math.inf:
        raise InputError(f"seed_variance {seed_variance} is not a finite number of at least 0")
    mean = math.fsum(deltas) / len(deltas)
    known = [delta.sem for delta in outcomes if delta.sem is not None]
    if len(known) < len(deltas):
        return mean, None
    of_rows = math.fsum(sem**2 for sem in known) / len(known)
    if seed_variance is None:
        seed_variance = 0.0 if len(deltas) == 1 else float(np.var(deltas, ddof=1))
    return mean, math.sqrt(of_rows + seed_variance / len(deltas))


def seed_variance(deltas_by_model: Sequence[Sequence[float]]) -> float:
    """Variance of Δ between seeds, percent squared, pooled over models by degrees of freedom.

    Each model has its own mean, so only the spread within models counts. Nothing is taken off
    for sem²: the seeds of a model are measured on the same rows, whose noise moves them
    together and is not in their spread. What a seed makes of a row is in both sem² and this
    variance, so their sum is slightly too large; the per-model sems alone cannot tell how much.

    Args:
        deltas_by_model: At least 2 deltas a model, percent, one a seed.

    Raises:
        InputError: There is no model, one has fewer than 2 deltas, or one is not finite.
    """
    if len(deltas_by_model) == 0:
        raise InputError("there are no models to learn the variance between seeds from")
    for deltas in deltas_by_model:
        if len(deltas) < 2 or not all(map(math.isfinite, deltas)):
            raise InputError(
                f"deltas {list(deltas)} say nothing of the variance between seeds; give at "
                "least 2 finite ones a model, and leave out the models that have fewer"
            )
    squares = [len(deltas) * float(np.var(deltas)) for deltas in deltas_by_model]
    return math.fsum(squares) / sum(len(deltas) - 1 for deltas in deltas_by_model)


def _regression_chance(delta: Delta, alpha: float) -> float:
    if delta.status == "not_evaluated":
        raise InputError("a model is not evaluated; its chance to regress needs its delta")
    return 1.0 if delta.value is None else _chance_below(delta.value, delta.sem, alpha)


def _chance_below(mean: float, sem: float | None, alpha: float) -> float:
    """The chance that a true Δ is below -α."""
    return float(ndtr((-alpha - mean) / sem)) if sem else float(regressed(mean, alpha))


def _feasible_probability(chances: Sequence[float], epsilon: float) -> float:
    # The comparison of `aggregate`, to the bit: 63 / 90 is 0.7, and 0.7 * 90 is below 63.
    allowed = [
        chance
        for count, chance in enumerate(regression_distribution(chances).tolist())
        if not count / len(chances) > epsilon
    ]
    return min(math.fsum(allowed), 1.0)


def _with_sems(deltas: Sequence[float | None], sems: Sequence[float | None]) -> list[Delta]:
    """Plain numbers as deltas. Raises `InputError` for other lengths, or an impossible sem."""
    if len(deltas) != len(sems):
        raise InputError(f"{len(sems)} standard errors are given for {len(deltas)} deltas")
    for sem in sems:
        if sem is not None and not (math.isnan(sem) or 0 <= sem < math.inf):
            raise InputError(f"standard error {sem} is not a finite number of at least 0")
    return [Delta.of(delta, sem) for delta, sem in zip(deltas, sems, strict=True)]
