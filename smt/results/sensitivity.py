"""What a generalization leaves of one hyperparameter's sensitivity analysis (Eq. 7)."""

from typing import Literal

from smt.space import AnyDomain, Value
from smt.spec import Spec

Decision = Literal["standardize", "expose", "undecided"]


class ValueEffect(Spec):
    """What a tried value of a Choice does to μ, percent."""

    value: Value
    effect: float


class HyperparameterSensitivity(Spec):
    """What the trials say of one hyperparameter; None where they say nothing.

    They are the feasible ones of a technique that generalizes, and all of any other.

    Attributes:
        beta: β_k, percent: the change of μ across the whole domain. Choice: the largest
            difference between two of its tried values, at least 0.
        interval: Confidence interval of β_k.
        sigma2: σ_k², percent²: the weighted variance of β_{i,k} over the models, less what
            noise adds to it, at least 0. 0 for one model. Choice: the mean, over the pairs of
            tried values, of the variance of their difference.
        raw_sigma2: The same with the noise.
        model_betas: β_{i,k} of the m models; empty where unknown. Choice: the model's own
            difference between the two values that are best and worst for μ.
        effects: Of a Choice, a tried value each; they sum to 0.
        decision: What to do with the hyperparameter.
        reason: One sentence with the numbers that decided.
        domain: Where the models' own optima lie; None unless exposed.
        default: Its value in the trial of largest μ that has one, else None.
    """

    beta: float | None
    interval: tuple[float, float] | None
    sigma2: float | None
    raw_sigma2: float | None
    model_betas: tuple[float | None, ...]
    effects: tuple[ValueEffect, ...]
    decision: Decision
    reason: str
    domain: AnyDomain | None
    default: Value | None
