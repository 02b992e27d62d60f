"""The ship gate: whether serving a network instead of its baseline is neutral."""

from smt.fleet import ModelSpec, ServingLimits
from smt.fleet.limits import QUANTITIES
from smt.layers.networks import Network
from smt.serving.measure import ServingCost, measure_in_turn, measure_serving
from smt.spec import Spec
from smt.template import Template

LATENCIES = ("latency_ms", "latency_ms_median")
MEASUREMENTS = 4
"""How often latency may seem to have grown before it has."""


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
    latency_growth: bool = True,
) -> Gate:
    """Measure a model's network and check it against the model's limits and the template's.

    Args:
        baseline: Cost of what serves now.
        cost: Of the network, where it is measured already.
        latency_growth: Whether latency may not grow either: not where other work disturbs it.
    """
    template = template.for_model(model)
    serving = template.serving
    measured = cost if cost is not None else measure_serving(network, template)
    limits = model.limits.tighter(serving.limits)
    if baseline is not None and not latency_growth:
        unchanged = {name: getattr(measured, name) for name in LATENCIES}
        baseline = baseline.model_copy(update=unchanged)
    return check_neutral(measured, limits, baseline, serving.growth)


def check_neutral(
    cost: ServingCost, limits: ServingLimits, baseline: ServingCost | None, growth: float
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


def measure_against(
    served: tuple[Network, Template], baseline: tuple[Network, Template]
) -> tuple[ServingCost, ServingCost]:
    """Measure a network and its baseline in turn, each with its template.

    Where latency alone has grown by more than is neutral, which a busy machine can feign, they are
    measured again, `MEASUREMENTS` times at most; of each, the least latencies count.
    """
    growth = served[1].serving.growth
    cost, before = measure_in_turn([served, baseline])
    for _ in range(MEASUREMENTS - 1):
        if _grown(cost, before, growth) != ["latency_ms"]:
            break
        again, before_again = measure_in_turn([served, baseline])
        cost, before = _least(cost, again), _least(before, before_again)
    return cost, before


def _least(cost: ServingCost, again: ServingCost) -> ServingCost:
    """With the least latencies of both: what disturbs a machine only ever adds to them."""
    least = {name: min(getattr(cost, name), getattr(again, name)) for name in LATENCIES}
    return cost.model_copy(update=least)


def _growth(cost: ServingCost, baseline: ServingCost, growth: float) -> list[str]:
    sentences = []
    for attribute in _grown(cost, baseline, growth):
        value, before = getattr(cost, attribute), getattr(baseline, attribute)
        more = f"by {100 * (value / before - 1):.1f}%" if before else "from zero"
        name = QUANTITIES[attribute].name
        sentences.append(f"{name} grew {more} over the baseline, {growth:g}% are neutral")
    return sentences


def _grown(cost: ServingCost, baseline: ServingCost, growth: float) -> list[str]:
    """The attributes of `QUANTITIES` that exceed the baseline's by more than is neutral."""

    def grew(attribute: str) -> bool:
        value, before = getattr(cost, attribute), getattr(baseline, attribute)
        return bool(value > before * (1 + growth / 100))

    alike = _conditions(cost) == _conditions(baseline)
    compared = [
        attribute
        for attribute in QUANTITIES
        if attribute != "latency_ms" or (alike and grew("latency_ms_median"))
    ]
    return [attribute for attribute in compared if grew(attribute)]


def _conditions(cost: ServingCost) -> tuple[str, int]:
    return cost.measured_on, cost.batch_size
