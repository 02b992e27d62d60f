"""The ship gate: whether serving a network instead of its baseline is neutral."""

from smt.fleet import ModelSpec, ServingLimits
from smt.layers.networks import Network
from smt.serving.measure import ServingCost, measure_serving
from smt.spec import Spec
from smt.template import Template

# What is compared: its name, and the verb that goes with it.
_WORDS = {
    "flops": ("FLOPs", "exceed"),
    "bytes": ("bytes", "exceed"),
    "latency_ms": ("p99 latency", "exceeds"),
}


class Gate(Spec):
    """Whether a network may ship, and a sentence for each reason why not."""

    passed: bool
    reasons: tuple[str, ...]
    cost: ServingCost


def check_neutral(
    cost: ServingCost, limits: ServingLimits, baseline: ServingCost | None, growth: float
) -> Gate:
    """Compare FLOPs, bytes and latency with limits and with a baseline's.

    Args:
        baseline: None compares with the limits alone. Latencies are compared only where
            both were measured alike.
        growth: Percent by which each may exceed the baseline's.
    """
    reasons = []
    for key, (words, exceeds) in _WORDS.items():
        value, limit = getattr(cost, key), getattr(limits, key)
        if limit is not None and value > limit:
            over, allowed = _text(key, value), _text(key, limit)
            reasons.append(f"{words} {over} {exceeds} the model's limit {allowed}")
    if baseline is not None:
        reasons += _growth(cost, baseline, growth)
    return Gate(passed=not reasons, reasons=tuple(reasons), cost=cost)


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
        baseline: Cost of what serves now.
        cost: Of the network, where it is measured already.
    """
    template = template.for_model(model)
    serving = template.serving
    measured = cost if cost is not None else measure_serving(network, template)
    limits = model.limits.tighter(serving.limits)
    return check_neutral(measured, limits, baseline, serving.growth)


def _growth(cost: ServingCost, baseline: ServingCost, growth: float) -> list[str]:
    reasons = []
    for key, (words, _) in _WORDS.items():
        if key == "latency_ms" and _conditions(cost) != _conditions(baseline):
            continue
        value, before = getattr(cost, key), getattr(baseline, key)
        if value > before * (1 + growth / 100):
            more = f"by {100 * (value / before - 1):.1f}%" if before else "from zero"
            reasons.append(f"{words} grew {more} over the baseline, {growth:g}% are neutral")
    return reasons


def _conditions(cost: ServingCost) -> tuple[str, int]:
    return cost.measured_on, cost.batch_size


def _text(key: str, value: float) -> str:
    return f"{value:,.3g} ms" if key == "latency_ms" else f"{value:,}"
