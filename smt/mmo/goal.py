"""What a search is after: the largest μ at which few models regress."""

from collections.abc import Sequence
from dataclasses import dataclass

from smt.mmo.aggregate import normalise_weights


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
        """For so many models. Raises `InputError` for weights that do not fit."""
        return cls(tuple(normalise_weights(weights, models)), alpha, epsilon, tau)

    @property
    def allowed(self) -> int:
        """How many models may regress."""
        m = len(self.shares)
        return max(count for count in range(m + 1) if count == 0 or count / m <= self.epsilon)
