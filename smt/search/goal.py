"""What a search is after: the largest μ at which few models regress."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smt.errors import InputError
from smt.search.aggregate import normalise_weights
from smt.search.delta import Delta


@dataclass(frozen=True)
class Goal:
    """Thresholds of Eqs. 2 to 4, and whose deltas count how much.

    Attributes:
        shares: The m models' weights, summing to 1.
        alpha: A model regresses where its delta is below -α, percent.
        epsilon: Largest share of models that may regress.
        tau: Least A worth having, percent: how finely a search need tell.
    """

    shares: tuple[float, ...]
    alpha: float
    epsilon: float
    tau: float

    @classmethod
    def over(
        cls,
        models: int,
        weights: Sequence[float] | None = None,
        *,
        alpha: float = 0.05,
        epsilon: float = 0.1,
        tau: float = 0.05,
    ) -> "Goal":
        """For so many models. Raises `InputError` for weights or thresholds that cannot be."""
        if not 0 <= alpha < math.inf:
            raise InputError(f"alpha is {alpha}; it is percent, at least 0")
        if not 0 <= epsilon <= 1:
            raise InputError(f"epsilon is {epsilon}; it is a share of the models, from 0 to 1")
        if not math.isfinite(tau):
            raise InputError(f"tau is {tau}; it is percent")
        return cls(tuple(normalise_weights(weights, models)), alpha, epsilon, tau)

    @property
    def allowed(self) -> int:
        """How many models may regress."""
        m = len(self.shares)
        return max(count for count in range(m + 1) if count == 0 or count / m <= self.epsilon)

    def settles(self, deltas: Iterable[Delta]) -> bool:
        """Early rejection: so many have regressed that A is -inf whatever the others give."""
        return sum(delta.regressed(self.alpha) for delta in deltas) > self.allowed
