"""The ship gate: whether serving a network instead of its baseline is neutral."""

from collections.abc import Iterator

from smt.fleet import ModelSpec, ServingLimits
from smt.fleet.limits import QUANTITIES
from smt.layers.networks import Network
from smt.serving.measure import ServingCost, measure_serving
from smt.spec import Spec
from smt.template import Template


class Gate(Spec):
    """Whether a network may ship, and a sentence for each reason why not."""

    passed: bool
    reasons: tuple[str, ...]
    cost: ServingCost


def ship_gate(
    network: Network,
    template: Template,
    model: ModelSpec,
    baseline: ServingCost | None = None,
    *,
    cost: ServingCost | None = None,
) -> Gate:
    """Measure a model's network and check it against the model's limits and the template's.

    Args:
        baseline: Cost of what serves now; None compares with the limits alone.
        cost: Of the network, where it is measured already.
    """
    template = template.for_model(model)
    serving = template.serving
    measured = cost if cost is not None else measure_serving(network, template)
    limits = model.limits.tighter(serving.limits)
    return check_neutral(measured, limits, baseline, serving.growth)


def check_neutral(
    cost: ServingCost,
    limits: ServingLimits,
    baseline: ServingCost | None,
    growth: float,
) -> Gate:
    """Compare FLOPs, bytes and latency with limits and with a baseline's.

    Args:
        baseline: None compares with the limits alone. Latencies are compared only where
            both were measured alike.
        growth: Percent by which each may exceed the baseline's. Of latencies both the 99th
            percentile and the median must, as the former alone is mostly the machine's noise.
    """
    exceeded = limits.exceeded(flops=cost.flops, bytes=cost.bytes, latency_ms=cost.latency_ms)
    reasons = [str(excess) for excess in exceeded]
    if baseline is not None:
        reasons += _growth(cost, baseline, growth)
    return Gate(passed=not reasons, reasons=tuple(reasons), cost=cost)


def _growth(cost: ServingCost, baseline: ServingCost, growth: float) -> Iterator[str]:
    """A sentence for each of `QUANTITIES` that exceeds the baseline's by more than is neutral."""

    def grew(attribute: str) -> bool:
        return bool(getattr(cost, attribute) > getattr(baseline, attribute) * (1 + growth / 100))

    latency = _conditions(cost) == _conditions(baseline) and grew("latency_ms_median")
    for attribute, quantity in QUANTITIES.items():
        if (attribute != "latency_ms" or latency) and grew(attribute):
            value, before = getattr(cost, attribute), getattr(baseline, attribute)
            more = f"by {100 * (value / before - 1):.1f}%" if before else "from zero"
            yield f"{quantity.name} grew {more} over the baseline, {growth:g}% are neutral"


def _conditions(cost: ServingCost) -> tuple[str, int]:
    return cost.measured_on, cost.batch_size
