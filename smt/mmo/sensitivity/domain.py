"""Where the models' own optima of a hyperparameter lie: the domain it is exposed with."""

import math
from collections.abc import Sequence

import numpy as np

from smt.mmo.sensitivity.first_order import (
    LEAST_NOISE,
    SINGULAR,
    Array,
    FirstOrder,
    tried_values,
    value_effects,
)
from smt.search.trial import Trial
from smt.space import Choice, Domain, Float, Int, Value

# Share of the models' optima that a proposed range may leave out at each end.
TAIL = 0.1
# A Choice keeps the values that are a model's best this often, next to the most frequent one.
RELATIVE_SHARE = 0.1


def propose_domain(
    name: str, domain: Domain, feasible: Sequence[Trial], fits: FirstOrder, agreement: float
) -> Domain:
    """The part of a domain where the models' own optima lie.

    A model's optimum is one of the values tried, each with a probability (`_best_trials`,
    `_best_values`); the models' probabilities are averaged by their shares. A Float or Int
    keeps the values between the `TAIL` quantiles of the average and widens them by one tried
    value, or to the end of the domain, for between two tried values nothing is known. A
    Choice keeps the values that reach `RELATIVE_SHARE` of the most probable. Either holds
    the default (`best_value`).
    """
    if not isinstance(domain, Choice):
        return _range(name, domain, feasible, fits, agreement)
    chances = _best_values(fits, name, agreement) @ fits.shares
    values = tried_values([trial.theta for trial in feasible], name, domain)
    return Choice(
        value
        for value, chance in zip(values, chances, strict=True)
        if chance >= RELATIVE_SHARE * chances.max() or value == best_value(feasible, name)
    )


def _range(
    name: str, domain: Float | Int, feasible: Sequence[Trial], fits: FirstOrder, agreement: float
) -> Float | Int:
    active = [row for row, trial in enumerate(feasible) if name in trial.theta]
    values = np.array([feasible[row].theta[name] for row in active])
    chances = _best_trials(fits, name, agreement, active) @ fits.shares
    tried = sorted(set(values.tolist()))
    below = np.cumsum([chances[values == value].sum() for value in tried])
    kept = [*np.searchsorted(below, [TAIL, 1 - TAIL]).tolist(), tried.index(values[0])]
    first, last = min(kept), max(kept)
    low = tried[first - 1] if first > 0 else domain.low
    high = tried[last + 1] if last + 1 < len(tried) else domain.high
    return domain.between(low, high)


def best_value(best_first: Sequence[Trial], name: str) -> Value | None:
    """A hyperparameter's value in the first trial that has one."""
    return next((trial.theta[name] for trial in best_first if name in trial.theta), None)


def _best_trials(fits: FirstOrder, name: str, agreement: float, active: Sequence[int]) -> Array:
    """How likely each of the active trials has a model's best value of a Float or Int, a × m.

    Each model's deltas are first drawn towards μ by `agreement` (0: not at all, 1: onto it),
    and the trends of the other hyperparameters are taken out. The likelihood that a trial is
    as good as the best one falls with the square of how far it is below; columns sum to 1.
    """
    matrix, where = fits.design.matrix, fits.design.columns[name]
    outcomes = _drawn_to_mean(fits, agreement)
    coefficients = np.linalg.pinv(matrix, rtol=SINGULAR) @ outcomes
    residuals = outcomes - matrix @ coefficients
    noise = np.sqrt((residuals**2).sum(axis=0) / fits.degrees)
    partial = residuals + matrix[:, where] @ coefficients[where]
    return _likelihoods(partial[active], math.sqrt(2) * noise)


def _best_values(fits: FirstOrder, name: str, agreement: float) -> Array:
    """How likely each tried value of a Choice is the best for each model, v × m.

    As `_best_trials`, for the values' effects.
    """
    matrix, where = fits.design.matrix, fits.design.columns[name]
    operator = np.linalg.pinv(matrix, rtol=SINGULAR)
    outcomes = _drawn_to_mean(fits, agreement)
    residuals = outcomes - matrix @ (operator @ outcomes)
    noise = np.sqrt((residuals**2).sum(axis=0) / fits.degrees)
    coding = value_effects(where.stop - where.start + 1)
    effects = coding @ (operator @ outcomes)[where]
    reach = coding @ operator[where]
    below_best = reach[:, None] - reach[effects.argmax(axis=0)]
    return _likelihoods(effects, noise * np.sqrt((below_best**2).sum(axis=2)))


def _drawn_to_mean(fits: FirstOrder, agreement: float) -> Array:
    mean = (fits.deltas @ fits.shares)[:, None]
    return agreement * mean + (1 - agreement) * fits.deltas


def _likelihoods(worth: Array, noise: Array) -> Array:
    gap = (worth.max(axis=0) - worth) / np.maximum(noise, LEAST_NOISE)
    likelihood = np.exp(-(gap**2) / 2)
    shares: Array = likelihood / likelihood.sum(axis=0)
    return shares
