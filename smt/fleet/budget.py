"""How much more a fleet may cost to serve than it does today."""

from collections.abc import Sequence
from math import fsum
from typing import Protocol

from smt.capacity import Capacity
from smt.fleet.limits import QUANTITIES
from smt.spec import Spec


class Cost(Protocol):
    """What serving a model takes."""

    @property
    def flops(self) -> int:
        """Of an example."""

    @property
    def bytes(self) -> int:
        """Of parameters and buffers."""


class FleetCost(Spec):
    """What serving a fleet takes.

    Attributes:
        flops: Of an example, mean by traffic.
        bytes: Of all models together.
    """

    flops: float
    bytes: float

    @classmethod
    def over(cls, costs: Sequence[Cost], weights: Sequence[float]) -> "FleetCost":
        """Of models' costs by their traffic; of models without any, all alike."""
        if not any(weights):
            weights = [1.0] * len(costs)
        total = fsum(weights)
        weighed = fsum(cost.flops * weight for cost, weight in zip(costs, weights, strict=True))
        size = sum(cost.bytes for cost in costs)
        return cls(flops=weighed / total if total else 0.0, bytes=size)

    def budget(self, capacity: Capacity) -> "FleetCost | None":
        """What it may become; None where it may be anything."""
        if capacity == "free":
            return None
        more = 1 + capacity / 100
        return FleetCost(flops=self.flops * more, bytes=self.bytes * more)

    def growth_from(self, before: "FleetCost") -> "Growth":
        """By how much this is more."""
        return Growth(
            flops=_percent_more(before.flops, self.flops),
            bytes=_percent_more(before.bytes, self.bytes),
        )


class Growth(Spec):
    """By how much serving a fleet becomes dearer, percent; below 0: cheaper."""

    flops: float
    bytes: float

    @property
    def largest(self) -> float:
        """Of what grows most."""
        return max(self.flops, self.bytes)

    def excess(self, capacity: Capacity) -> str | None:
        """Why it is more than a capacity, as a clause; None where it is not."""
        if capacity == "free" or self.largest <= capacity:
            return None
        quantity = QUANTITIES["flops" if self.flops >= self.bytes else "bytes"]
        return f"{quantity.name} grow by {self.largest:.1f}%, {capacity:g}% are neutral"

    def __str__(self) -> str:
        return f"FLOPs {self.flops:+.1f}%, bytes {self.bytes:+.1f}%"


def _percent_more(before: float, after: float) -> float:
    # A sum in another order is no growth.
    return round(100 * (after / before - 1), 9) if before else 0.0
