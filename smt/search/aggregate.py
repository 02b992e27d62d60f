"""From the models' deltas to one number: Eqs. 2 to 4 of the paper."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smt.errors import InputError
from smt.search.delta import Delta
from smt.search.regressed import regressed


@dataclass(frozen=True)
class Aggregate:
    """What a trial is worth over the representative models.

    Attributes:
        mean: μ, the weighted mean of the deltas, percent (Eq. 3); NaN where a delta is missing.
        regression_rate: R, the share of the models that regressed (Eq. 2).
        value: A, μ where R <= ε, else -inf (Eq. 4).
    """

    mean: float
    regression_rate: float
    value: float

    @property
    def feasible(self) -> bool:
        """Whether the trial may be kept: R <= ε, and no model failed."""
        return self.value > -math.inf


def aggregate(
    deltas: Sequence[Delta | float | None],
    weights: Sequence[float] | None = None,
    *,
    alpha: float = 0.05,
    epsilon: float = 0.1,
) -> Aggregate:
    """Aggregate the deltas of m models.

    Args:
        deltas: m deltas, or plain numbers, percent, higher is better. NaN: evaluated and failed,
            which counts as a regression and makes A -inf. None: not evaluated, which is allowed
            only where more than ε·m models have regressed already; A is then -inf whatever the
            rest would give.
        weights: m importances on any scale; equal where None.
        alpha: A model regresses where its delta is below -α, percent.
        epsilon: Largest share of models that may regress.

    Raises:
        InputError: A weight is negative or all are zero; lengths differ; nothing is given;
            or a delta is missing and the verdict still open.
    """
    shares = normalise_weights(weights, len(deltas))
    plain = [delta.plain if isinstance(delta, Delta) else delta for delta in deltas]
    regression_rate = sum(regressed(delta, alpha) for delta in plain) / len(plain)
    rejected = regression_rate > epsilon
    evaluated = [delta for delta in plain if delta is not None]
    if len(evaluated) < len(plain):
        if not rejected:
            raise InputError(
                f"{len(plain) - len(evaluated)} of {len(plain)} models are not evaluated, and "
                f"those that are do not settle that more than {epsilon:g} regress"
            )
        return Aggregate(math.nan, regression_rate, -math.inf)
    # Of a failed model NaN, and then μ is NaN too.
    mean = math.fsum(share * delta for share, delta in zip(shares, evaluated, strict=True))
    return Aggregate(mean, regression_rate, -math.inf if rejected or math.isnan(mean) else mean)


def normalise_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    """Weights that sum to 1. Raises `InputError` as `aggregate` does."""
    if count == 0:
        raise InputError("there are no models to aggregate over")
    if weights is None:
        return [1 / count] * count
    if len(weights) != count:
        raise InputError(f"{len(weights)} weights are given for {count} models")
    for weight in weights:
        if not (math.isfinite(weight) and weight >= 0):
            raise InputError(f"weight {weight} is not a finite number of at least 0")
    total = math.fsum(weights)
    if total == 0:
        raise InputError("all weights are zero; at least one model must have weight")
    return [weight / total for weight in weights]


def mean_sem(sems: Sequence[float | None], shares: Sequence[float]) -> float | None:
    """Standard error of μ from those of independent deltas; None where one is unknown."""
    known = [sem for sem in sems if sem is not None and not math.isnan(sem)]
    if len(known) < len(sems):
        return None
    squares = [(share * sem) ** 2 for share, sem in zip(shares, known, strict=True)]
    return math.sqrt(math.fsum(squares))
