"""When a trial is settled before all of its models are evaluated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rejection:
    """When a trial is not worth finishing.

    Attributes:
        alpha: A model regresses where its delta is below -α, percent, or it failed.
        allowed: How many models may regress.
    """

    alpha: float
    allowed: int

    def regressed(self, delta: float | None) -> bool:
        """Whether a model with this delta, None where it failed, regressed."""
        return delta is None or delta < -self.alpha
