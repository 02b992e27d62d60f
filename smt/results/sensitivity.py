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
    """As `smt.mmo.Sensitivity`, which says what the numbers are; None in place of its NaN.

    Attributes:
        effects: Of a Choice, a tried value each.
        domain: Where the models' own optima lie; None unless exposed.
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
