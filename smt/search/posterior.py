"""What is known of each model's true Δ in the light of the others': empirical Bayes over a fleet.

Noise spreads measured deltas further apart than the true ones are, and makes regressions where
there are none. Here true deltas are drawn from one normal distribution, of which nothing is known
beforehand: flat priors on its mean and its standard deviation (Gelman 2006). Deltas and standard
errors are percent; errors of different models are taken as independent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from smt.search.delta import Delta
from smt.search.divergence import diverged
from smt.search.regressed import regressed
from smt.spec import Spec

Floats = NDArray[np.float64]
# Values of the standard deviation between models that are averaged over.
GRID = 48
FEWEST = 3
"""Deltas with noise that tell something of each other."""
SURPRISE = 0.05
"""Expected number of models that are taken for outliers where there are none."""
OUTLIERS = 0.2
"""Share of the models that may be outliers; what is more frequent is how models differ."""
MOST_OUTLIERS = 32


class Posterior(Spec):
    """What all models together say of one.

    Attributes:
        delta, sem: Mean and standard deviation of its true Δ, percent; without a standard error
            where it was measured without one.
        regression_chance: That the true Δ is below -α.
    """

    delta: float
    sem: float | None
    regression_chance: float


@dataclass(frozen=True)
class Population:
    """The normal distribution that true deltas come from, by its `[g]` standard deviations.

    Attributes:
        weights: How likely each is; they sum to 1.
        between: Variances between models.
        centres, uncertainties: Mean, and the variance of what is not known of it.
    """

    weights: Floats
    between: Floats
    centres: Floats
    uncertainties: Floats

    def posterior(self, values: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """`[g, m]` means and spreads of true deltas, of m models that it was learned from."""
        between, centres = self.between[:, None], self.centres[:, None]
        kept = between / (variances + between)
        means = kept * values + (1 - kept) * centres
        # What is not known of the centre is part of what is not known of each.
        spreads = np.sqrt(kept * variances + (1 - kept) ** 2 * self.uncertainties[:, None])
        return means, spreads

    def surprises(self, values: Floats, variances: Floats) -> Floats:
        """`[m]` two-sided chances to measure as far off, of models that it knows nothing of."""
        spreads = np.sqrt(variances + self.between[:, None] + self.uncertainties[:, None])
        tails = 2 * ndtr(-np.abs(values - self.centres[:, None]) / spreads)
        return np.asarray(self.weights @ tails)


def learn_population(values: Floats, variances: Floats) -> Population:
    """From `[m]` deltas, and the variances of their errors."""
    widest = 2 * math.sqrt(float(values.var()) + float(variances.mean()))
    between = ((np.arange(GRID) + 0.5) / GRID * widest) ** 2
    precision = 1 / (variances + between[:, None])
    total = precision.sum(1)
    centres = (precision * values).sum(1) / total
    misfit = (precision * (values - centres[:, None]) ** 2).sum(1)
    likelihood = 0.5 * (np.log(precision).sum(1) - np.log(total) - misfit)
    weights = np.exp(likelihood - likelihood.max())
    return Population(weights / weights.sum(), between, centres, 1 / total)


def posteriors(outcomes: Sequence[Delta], alpha: float) -> list[Posterior]:
    """What all models together say of each.

    Taken at their word, and no part of what is said of the others, are deltas of networks that
    diverged, those without a standard error or with one of 0, and outliers: a model that is broken
    is not drawn in to the others, nor do they seem to differ because of it.

    Args:
        outcomes: Measured deltas, one a model.

    Raises:
        ValueError: One was not measured.
    """
    values = np.array([_value(delta) for delta in outcomes], dtype=np.float64)
    sems = np.array([delta.sem or 0.0 for delta in outcomes], dtype=np.float64)
    noisy = noisy_places(outcomes, alpha)
    if len(noisy) >= FEWEST:
        gone = {noisy[place] for place in find_outliers(values[noisy], sems[noisy] ** 2)}
        noisy = [place for place in noisy if place not in gone]
    found = [
        Posterior(
            delta=_value(delta),
            sem=delta.sem,
            regression_chance=chance_below(_value(delta), delta.sem, alpha),
        )
        for delta in outcomes
    ]
    if len(noisy) < FEWEST:
        return found
    population = learn_population(values[noisy], sems[noisy] ** 2)
    means, spreads = population.posterior(values[noisy], sems[noisy] ** 2)
    mean = population.weights @ means
    variance = population.weights @ (spreads**2 + (means - mean) ** 2)
    chances = population.weights @ ndtr((-alpha - means) / spreads)
    for place, each in enumerate(noisy):
        found[each] = Posterior(
            delta=float(mean[place]),
            sem=math.sqrt(variance[place]),
            regression_chance=min(float(chances[place]), 1.0),
        )
    return found


def find_outliers(values: Floats, variances: Floats) -> list[int]:
    """Places of models that are too far off to come from where the others do.

    The generalized extreme Studentized deviate test (Rosner 1983): the one that surprises most is
    taken away, one after the other; the outliers are all up to the last that still surprises those
    that are left, so that several do not hide each other.

    Args:
        values: `[m]` deltas.
        variances: `[m]` of their errors.
    """
    left, gone, outliers = list(range(len(values))), list[int](), 0
    for _ in range(min(int(len(values) * OUTLIERS), MOST_OUTLIERS)):
        population = learn_population(values[left], variances[left])
        place = left.pop(int(population.surprises(values[left], variances[left]).argmin()))
        gone.append(place)
        others = learn_population(values[left], variances[left])
        (surprise,) = others.surprises(values[[place]], variances[[place]])
        if surprise * len(values) < SURPRISE:
            outliers = len(gone)
    return gone[:outliers]


def chance_below(mean: float, sem: float | None, alpha: float) -> float:
    """The chance that a true Δ is below -α, of a mean and its standard error.

    Without one, or with one of 0, the mean is taken at its word, as `smt.search.regressed` has it.
    """
    return float(ndtr((-alpha - mean) / sem)) if sem else float(regressed(mean, alpha))


def noisy_places(outcomes: Sequence[Delta], alpha: float) -> list[int]:
    """Places of the deltas that the others may tell something of."""
    return [n for n, delta in enumerate(outcomes) if delta.sem and not diverged(delta, alpha)]


def _value(delta: Delta) -> float:
    if delta.value is None:
        raise ValueError(f"a delta that is {delta.status} has no posterior")
    return delta.value
