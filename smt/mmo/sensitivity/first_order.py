"""The first-order surrogate of μ and of every model's deltas (Eq. 7): coded, fitted, read."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from smt.errors import InputError
from smt.search.aggregate import mean_sem
from smt.search.encoding import INACTIVE, scale
from smt.search.trial import Trial
from smt.space import Choice, Domain, Space, Theta, Value

Array = NDArray[np.floating[Any]]
# Singular values below this share of the largest count as 0.
SINGULAR = 1e-9
# Percent. Noise below it is rounding.
LEAST_NOISE = 1e-9


@dataclass(frozen=True)
class Design:
    """n θ as a matrix.

    Attributes:
        matrix: n × p; the first column is 1, for the intercept.
        columns: Where the columns of each hyperparameter are. One that never varied has none.
        contrasts: By hyperparameter, c × p: rows that turn the coefficients into changes
            across its domain. Float, Int: one row. Choice: one for each pair of tried values,
            the effect of the first less that of the second, in `itertools.combinations` order.
    """

    matrix: Array
    columns: dict[str, slice]
    contrasts: dict[str, Array]


def code_design(thetas: Sequence[Theta], space: Space) -> Design:
    """The design of n θ. Raises `InputError` for a value outside its domain."""
    blocks: list[Array] = [np.ones((len(thetas), 1))]
    columns: dict[str, slice] = {}
    width = 1
    for name, domain in space.items():
        block = _code_columns(thetas, name, domain)
        if np.any(block != block[:1]):
            columns[name] = slice(width, width + block.shape[1])
            blocks.append(block)
            width += block.shape[1]
    return Design(
        np.hstack(blocks),
        columns,
        {name: _contrasts(space[name], where, width) for name, where in columns.items()},
    )


def tried_values(thetas: Sequence[Theta], name: str, domain: Domain) -> list[Value]:
    """The distinct values of a hyperparameter among the θ, in the order of its domain.

    Raises:
        InputError: A value is outside the domain.
    """
    values = {theta[name] for theta in thetas if name in theta}
    for value in values:
        if not domain.holds(value):
            raise InputError(
                f"a trial has {name} = {value!r}, which is not {domain}; "
                "give the space that was searched"
            )
    if isinstance(domain, Choice):
        return [value for value in domain.values if value in values]
    return sorted(values)


def value_effects(count: int) -> Array:
    """Matrix from the coefficients of a Choice, count - 1, to the effects of `count` values."""
    return np.vstack([np.eye(count - 1), np.full((1, count - 1), -1.0)])


@dataclass(frozen=True)
class Fit:
    """Least squares of one outcome.

    Attributes:
        coefficients: p, percent.
        operator: p × n: turns noise of equal size in the n residuals into the coefficients'.
        residuals: n, percent, each divided by the relative size of its trial's noise.
    """

    coefficients: Array
    operator: Array
    residuals: Array


@dataclass(frozen=True)
class FirstOrder:
    """Eq. 7 for μ and for m models.

    Attributes:
        deltas: n × m, percent.
        shares: The models' weights, summing to 1.
        degrees: Degrees of freedom of the residuals.
    """

    design: Design
    deltas: Array
    shares: Array
    degrees: int
    of_mean: Fit
    of_models: tuple[Fit, ...]


@dataclass(frozen=True)
class Spread:
    """How far the models' effects of one hyperparameter lie apart.

    Attributes:
        raw: Variance over the models, percent².
        noise: What noise alone adds to it.
        degrees: Degrees of freedom of `raw`, and of `noise`.
    """

    raw: float
    noise: float
    degrees: tuple[float, float]

    @property
    def corrected(self) -> float:
        """The variance less the noise, at least 0."""
        return max(self.raw - self.noise, 0.0)

    @property
    def agreement(self) -> float:
        """The share of the variance that is noise: 1 where the models agree."""
        return 1 - self.corrected / self.raw if self.raw > 0 else 1.0

    def limit(self, threshold: float, confidence: float) -> float:
        """What `raw` stays below, at this confidence, where σ is no more than the threshold.

        raw · degrees / noise has a noncentral χ² distribution; Patnaik's approximation makes
        raw / (threshold² + noise) an F of more degrees.
        """
        if self.noise <= LEAST_NOISE**2:
            return threshold**2
        growth = 1 + threshold**2 / self.noise
        above, below = self.degrees
        quantile = stats.f.ppf(confidence, above * growth**2 / (2 * growth - 1), below * growth**2)
        return float(self.noise * growth * quantile)


def fit_first_order(feasible: Sequence[Trial], design: Design, shares: Array) -> FirstOrder:
    """Fit μ and the deltas of every model on n feasible trials.

    Trials weigh 1/sem² where all of an outcome's standard errors are known and above 0, else
    all weigh the same. How large the noise is, the residuals tell: they hold what the trials
    do not share, and what no first-order surrogate can follow.
    """
    deltas = np.array([trial.deltas for trial in feasible], dtype=float)
    mean_sems = [mean_sem(trial.sems, list(shares)) for trial in feasible]
    return FirstOrder(
        design=design,
        deltas=deltas,
        shares=shares,
        degrees=len(deltas) - int(np.linalg.matrix_rank(design.matrix, rtol=SINGULAR)),
        of_mean=_fit(design.matrix, deltas @ shares, mean_sems),
        of_models=tuple(
            _fit(design.matrix, outcome, [trial.sems[model] for trial in feasible])
            for model, outcome in enumerate(deltas.T)
        ),
    )


def intervals(fits: FirstOrder, contrasts: Array, confidence: float) -> tuple[Array, Array]:
    """The c changes of μ, and the half-widths of intervals that hold for all at once.

    Student's t with Bonferroni's correction for c > 1.
    """
    fit = fits.of_mean
    variance = fit.residuals @ fit.residuals / fits.degrees
    errors = np.sqrt(variance * ((contrasts @ fit.operator) ** 2).sum(axis=1))
    quantile = stats.t.ppf(1 - (1 - confidence) / (2 * len(contrasts)), fits.degrees)
    return contrasts @ fit.coefficients, quantile * errors


def spread(fits: FirstOrder, contrasts: Array) -> Spread:
    """Variance over the models of their changes, mean over the c contrasts.

    With A = (diag(w) - w wᵀ) / (1 - wᵀw), which is unbiased, the variance is βᵀ A β and
    noise adds tr(A Cov[β]). For equal weights and independent noise that is the mean of the
    sampling variances of β_{i,k}. Noise that models share moves all β_{i,k} alike, and the
    covariances, which the residuals give, leave it out.
    """
    shares, models = fits.shares, fits.of_models
    sum_of_squares = float(shares @ shares)
    if math.isclose(sum_of_squares, 1):
        return Spread(0.0, 0.0, (1.0, 1.0))
    form = (np.diag(shares) - np.outer(shares, shares)) / (1 - sum_of_squares)
    changes = np.array([contrasts @ fit.coefficients for fit in models])
    reach = np.array([contrasts @ fit.operator for fit in models])
    residuals = np.array([fit.residuals for fit in models])
    covariance = residuals @ residuals.T / fits.degrees
    covariance *= np.einsum("icn,jcn->ij", reach, reach) / len(contrasts)
    apart = 1 / sum_of_squares - 1
    return Spread(
        raw=float(np.einsum("ic,ij,jc->", changes, form, changes)) / len(contrasts),
        noise=float((form * covariance).sum()),
        degrees=(apart * _dimensions(fits, contrasts), apart * fits.degrees),
    )


def _code_columns(thetas: Sequence[Theta], name: str, domain: Domain) -> Array:
    """The n × c columns of a hyperparameter.

    Float, Int: one, the domain scaled to [0, 1], its logarithm where `log`. Choice with v
    tried values: v - 1, coded so that the values' effects sum to 0, and 0 where inactive.
    """
    values = tried_values(thetas, name, domain)
    if not isinstance(domain, Choice):
        return np.array(
            [[scale(theta[name], domain) if name in theta else INACTIVE] for theta in thetas]
        ).reshape(len(thetas), 1)
    if len(values) < 2:
        return np.zeros((len(thetas), 0))
    effects = value_effects(len(values))
    inactive = np.zeros(len(values) - 1)
    return np.array(
        [effects[values.index(theta[name])] if name in theta else inactive for theta in thetas]
    )


def _contrasts(domain: Domain, where: slice, width: int) -> Array:
    columns = where.stop - where.start
    rows = [np.ones(1)]
    if isinstance(domain, Choice):
        effects = value_effects(columns + 1)
        rows = [first - second for first, second in itertools.combinations(effects, 2)]
    contrasts = np.zeros((len(rows), width))
    contrasts[:, where] = rows
    return contrasts


def _fit(matrix: Array, outcome: Array, sems: Sequence[float | None]) -> Fit:
    noise = np.ones(len(matrix))
    if all(sem is not None and sem > 0 for sem in sems):
        noise = np.array(sems, dtype=float)
        noise /= noise.mean()
    operator = np.linalg.pinv(matrix / noise[:, None], rtol=SINGULAR)
    coefficients = operator @ (outcome / noise)
    return Fit(coefficients, operator, (outcome - matrix @ coefficients) / noise)


def _dimensions(fits: FirstOrder, contrasts: Array) -> float:
    """How many independent changes the contrasts are worth: v - 1 for a balanced Choice."""
    reach = contrasts @ fits.of_mean.operator
    covariance = reach @ reach.T
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())
