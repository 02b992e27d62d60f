"""What serving a model may cost, and where it costs more: the one place that checks limits."""

from dataclasses import dataclass

from pydantic import PositiveFloat, PositiveInt

from smt.spec import Spec


@dataclass(frozen=True)
class Quantity:
    """How a person calls what is limited.

    Attributes:
        name, exceeds: "FLOPs", "exceed".
        unit: Of an amount that is needed.
        suffix: Of a number beside the name.
    """

    name: str
    exceeds: str
    unit: str
    suffix: str = ""


QUANTITIES = {
    "flops": Quantity("FLOPs", "exceed", "FLOPs an example"),
    "bytes": Quantity("bytes", "exceed", "bytes"),
    "latency_ms": Quantity("p99 latency", "exceeds", "ms of p99 latency", " ms"),
}
"""Attribute of `ServingLimits` -> its words."""


@dataclass(frozen=True)
class Excess:
    """A limit that is broken; as text, a clause such as "FLOPs 12 exceed the model's limit 10"."""

    quantity: Quantity
    cost: float
    limit: float

    @property
    def percent(self) -> float:
        """Above the limit."""
        return 100 * (self.cost / self.limit - 1)

    @property
    def needed(self) -> str:
        """Such as "12 FLOPs an example"."""
        return f"{_number(self.cost)} {self.quantity.unit}"

    @property
    def allowed(self) -> str:
        """The limit, without its unit."""
        return _number(self.limit)

    def __str__(self) -> str:
        name, suffix = self.quantity.name, self.quantity.suffix
        return (
            f"{name} {_number(self.cost)}{suffix} {self.quantity.exceeds} the model's limit "
            f"{_number(self.limit)}{suffix}"
        )


class ServingLimits(Spec):
    """What serving one example may cost; None is no limit."""

    flops: PositiveInt | None = None
    bytes: PositiveInt | None = None
    latency_ms: PositiveFloat | None = None

    def tighter(self, other: "ServingLimits") -> "ServingLimits":
        """Limits that hold where both do."""
        pairs = zip(self, other, strict=True)
        limits = {key: [n for n in (one, two) if n is not None] for (key, one), (_, two) in pairs}
        return ServingLimits(**{key: min(bounds) for key, bounds in limits.items() if bounds})

    def exceeded(
        self,
        *,
        flops: int | None = None,
        bytes: int | None = None,
        latency_ms: float | None = None,
    ) -> tuple[Excess, ...]:
        """The limits that costs break; a cost of None is not known, and breaks none."""
        costs = {"flops": flops, "bytes": bytes, "latency_ms": latency_ms}
        pairs = {key: (cost, getattr(self, key)) for key, cost in costs.items()}
        return tuple(
            Excess(QUANTITIES[key], cost, limit)
            for key, (cost, limit) in pairs.items()
            if cost is not None and limit is not None and cost > limit
        )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"
