"""Which hyperparameters to fix in the template and which to leave to each model (Eq. 7).

Over the feasible trials, least squares fits

    y(θ) = β_0 + Σ_k β_k · θ_k

to μ, and to the deltas of every model. Domains are scaled to [0, 1], so β_k is the change,
percent, from one end of a domain to the other, whatever its unit. Two questions decide:

    |β_k| > τ: does the hyperparameter move μ by what makes a technique generalize?
    σ_k > α: do the models' own β_{i,k} differ by what makes a model regress?

An answer is "large" where the estimate is beyond its threshold by more than noise explains,
"small" where it is not beyond it, and "unclear" otherwise. One large answer exposes, two
small ones standardize. Anything else is undecided, and more trials would tell.

A technique that does not generalize has no θ for all models: few of its θ are feasible, or none.
Whether it differs between models what is best is then asked of all θ that every model was trained
with (`feasible_only`).

A surrogate of first order sees trends alone: an optimum in the middle of the domain that all
models share leaves no trend, and such a hyperparameter is standardized. The intervals take
the θ as given; where a search chose them by what it saw, they are approximate.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np

from smt.errors import InputError
from smt.mmo.sensitivity.domain import best_value, propose_domain
from smt.mmo.sensitivity.first_order import (
    SINGULAR,
    Array,
    Design,
    FirstOrder,
    code_design,
    fit_first_order,
    intervals,
    spread,
    tried_values,
    value_effects,
)
from smt.results.sensitivity import Decision, HyperparameterSensitivity, ValueEffect
from smt.search.aggregate import finite, normalise_weights
from smt.search.delta import all_measured
from smt.search.divergence import bounded
from smt.search.trial import Trial
from smt.space import Choice, Domain, Space, Value

Answer = Literal["large", "small", "unclear"]
# Feasible trials needed beyond the number of coefficients.
RESIDUAL_DEGREES = 3
_WORDS: dict[Answer, str] = {
    "large": "beyond",
    "small": "within",
    "unclear": "not surely beyond",
}


def analyze_sensitivity(
    trials: Sequence[Trial],
    space: Space,
    *,
    weights: Sequence[float] | None = None,
    alpha: float = 0.05,
    tau: float = 0.05,
    confidence: float = 0.95,
    feasible_only: bool = True,
) -> dict[str, HyperparameterSensitivity]:
    """Decide for every hyperparameter whether to standardize or to expose it.

    Where θ lacks a hyperparameter, a conditional one, it counts as the middle of its domain.

    Args:
        trials: Those of one technique; the ones that lack a model's delta are left out. Deltas of
            networks that diverged are held to a floor (`smt.search.divergence`).
        space: What was searched.
        weights: m importances of the models on any scale; equal where None.
        alpha: α, percent, the threshold of σ_k.
        tau: τ, percent, the threshold of |β_k|.
        confidence: Of the intervals, and of an answer that is "large".
        feasible_only: Whether trials that are not feasible are left out, as Eq. 7 has it.

    Warns:
        UserWarning: The trials are too few to tell, or never varied a
            hyperparameter, or not apart from others.

    Raises:
        InputError: A threshold or a weight is impossible, or a value is outside its domain.
    """
    _check_settings(alpha, tau, confidence)
    shares = np.array(normalise_weights(weights, len(trials[0].outcomes) if trials else 1))
    usable = sorted(
        (
            trial
            for trial in trials
            if all_measured(trial.outcomes) and (trial.aggregate.feasible or not feasible_only)
        ),
        key=lambda trial: -float(shares @ np.array(trial.deltas, dtype=float)),
    )
    # One network that diverged would set the scale of its model's effects.
    usable = [bounded(trial, alpha) for trial in usable]
    design = code_design([trial.theta for trial in usable], space)
    kind = "feasible trials" if feasible_only else "trials on all models"
    silent = _why_silent(space, design, kind)
    fits = fit_first_order(usable, design, shares) if len(silent) < len(space) else None
    sensitivities = {
        name: _without_trend(silent[name], domain, best_value(usable, name))
        if fits is None or name in silent
        else _judge(name, domain, usable, fits, alpha, tau, confidence)
        for name, domain in space.items()
    }
    reasons = [s.reason for s in sensitivities.values() if s.decision == "undecided"]
    for reason in dict.fromkeys(reasons):
        warnings.warn(reason, UserWarning, stacklevel=2)
    return sensitivities


def _check_settings(alpha: float, tau: float, confidence: float) -> None:
    for name, threshold in (("alpha", alpha), ("tau", tau)):
        if not (math.isfinite(threshold) and threshold >= 0):
            raise InputError(f"{name} is {threshold}; it must be a finite number of at least 0")
    if not 0.5 <= confidence < 1:
        raise InputError(f"confidence is {confidence}; it must be at least 0.5 and below 1")


def _why_silent(space: Space, design: Design, kind: str) -> dict[str, str]:
    """Why trials of such a kind say nothing of a hyperparameter, where they do not."""
    count, width = design.matrix.shape
    identifiable = np.linalg.pinv(design.matrix, rtol=SINGULAR) @ design.matrix
    silent = {}
    for name, domain in space.items():
        contrasts = design.contrasts.get(name)
        if _is_constant(domain):
            silent[name] = f"{name} has one value only, so there is nothing to tune"
        elif count < width + RESIDUAL_DEGREES:
            silent[name] = (
                f"{count} {kind} are too few to tell which hyperparameters matter; "
                f"it takes at least {width + RESIDUAL_DEGREES}"
            )
        elif contrasts is None:
            silent[name] = f"{name} never varied among the {count} {kind}"
        elif not np.allclose(contrasts @ identifiable, contrasts, atol=1e-6):
            silent[name] = (
                f"{name} varied only along with others among the {count} {kind}, "
                "so its effect cannot be told from theirs"
            )
    return silent


def _is_constant(domain: Domain) -> bool:
    return isinstance(domain, Choice) and len(domain.values) == 1


def _without_trend(reason: str, domain: Domain, default: Value | None) -> HyperparameterSensitivity:
    """Of a hyperparameter that cannot vary, or that the trials say nothing of."""
    constant = _is_constant(domain)
    number = 0.0 if constant else None
    return HyperparameterSensitivity(
        beta=number,
        interval=None if number is None else (number, number),
        sigma2=number,
        raw_sigma2=number,
        model_betas=(),
        effects=(),
        decision="standardize" if constant else "undecided",
        reason=reason,
        domain=None,
        default=domain.values[0] if isinstance(domain, Choice) and constant else default,
    )


def _judge(
    name: str,
    domain: Domain,
    usable: Sequence[Trial],
    fits: FirstOrder,
    alpha: float,
    tau: float,
    confidence: float,
) -> HyperparameterSensitivity:
    beta, interval, direction = _swing(domain, fits, fits.design.contrasts[name], confidence)
    apart = spread(fits, fits.design.contrasts[name])
    sigma = math.sqrt(apart.corrected)
    swings = _answer(abs(beta), tau, max(interval[0], -interval[1]) > tau)
    differs = _answer(sigma, alpha, apart.raw > apart.limit(alpha, confidence))
    decision = _decide(swings, differs)
    return HyperparameterSensitivity(
        beta=finite(beta),
        interval=interval if all(map(math.isfinite, interval)) else None,
        sigma2=finite(apart.corrected),
        raw_sigma2=finite(apart.raw),
        model_betas=tuple(finite(float(direction @ fit.coefficients)) for fit in fits.of_models),
        effects=_effects(name, domain, usable, fits),
        decision=decision,
        reason=(
            f"{name} moves μ by {beta:+.3g}% across its domain (interval {interval[0]:+.3g}% to "
            f"{interval[1]:+.3g}%), {_WORDS[swings]} τ = {tau:g}%, and the models' own effects "
            f"differ by σ = {sigma:.3g}%, {_WORDS[differs]} α = {alpha:g}%"
            + ("; more trials would tell" if decision == "undecided" else "")
        ),
        domain=(
            propose_domain(name, domain, usable, fits, apart.agreement)
            if decision == "expose"
            else None
        ),
        default=best_value(usable, name),
    )


def _swing(
    domain: Domain, fits: FirstOrder, contrasts: Array, confidence: float
) -> tuple[float, tuple[float, float], Array]:
    """β_k, its interval, and the row that gives β_k from the coefficients."""
    changes, margins = intervals(fits, contrasts, confidence)
    if not isinstance(domain, Choice):
        low, high = changes - margins, changes + margins
        return float(changes[0]), (float(low[0]), float(high[0])), contrasts[0]
    widest = int(abs(changes).argmax())
    low, high = abs(changes) - margins, abs(changes) + margins
    interval = (max(float(low.max()), 0.0), float(high.max()))
    return float(abs(changes[widest])), interval, contrasts[widest] * np.sign(changes[widest])


def _answer(estimate: float, threshold: float, surely_beyond: bool) -> Answer:
    if estimate <= threshold:
        return "small"
    return "large" if surely_beyond else "unclear"


def _decide(swings: Answer, differs: Answer) -> Decision:
    if "large" in (swings, differs):
        return "expose"
    return "undecided" if "unclear" in (swings, differs) else "standardize"


def _effects(
    name: str, domain: Domain, usable: Sequence[Trial], fits: FirstOrder
) -> tuple[ValueEffect, ...]:
    if not isinstance(domain, Choice):
        return ()
    values = tried_values([trial.theta for trial in usable], name, domain)
    effects = value_effects(len(values)) @ fits.of_mean.coefficients[fits.design.columns[name]]
    pairs = zip(values, effects.tolist(), strict=True)
    return tuple(ValueEffect(value=value, effect=effect) for value, effect in pairs)
