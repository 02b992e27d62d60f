import pytest
from served_networks import filled

from smt.fleet import ServingLimits
from smt.serving import ServingCost, check_neutral, ship_gate
from smt.template import catalogue

NO_LIMITS = ServingLimits()


def cost(**values):
    return ServingCost(
        **{
            "flops": 1_234_567,
            "flops_item_cached": None,
            "bytes": 2_000_000,
            "table_bytes": 1_500_000,
            "dense_bytes": 500_000,
            "latency_ms": 2.0,
            "latency_ms_median": 1.0,
            "batch_size": 64,
            "target": "cpu",
            "measured_on": "cpu",
            **values,
        }
    )


def test_what_no_limit_and_no_baseline_forbid_passes():
    gate = check_neutral(cost(), NO_LIMITS, None, 5.0)
    assert gate.passed
    assert gate.reasons == ()


def test_a_limit_may_be_reached_and_not_exceeded():
    limits = ServingLimits(flops=1_234_567, bytes=2_000_000, latency_ms=2.0)
    assert check_neutral(cost(), limits, None, 0.0).passed
    assert not check_neutral(cost(flops=1_234_568), limits, None, 0.0).passed


def test_every_limit_that_is_exceeded_is_a_sentence():
    limits = ServingLimits(flops=1_000_000, bytes=1_999_999, latency_ms=1.5)
    gate = check_neutral(cost(), limits, None, 5.0)
    assert not gate.passed
    assert gate.reasons == (
        "FLOPs 1,234,567 exceed the model's limit 1,000,000",
        "bytes 2,000,000 exceed the model's limit 1,999,999",
        "p99 latency 2 ms exceeds the model's limit 1.5 ms",
    )


def test_growth_over_the_baseline_is_neutral_up_to_its_percentage():
    before = cost(bytes=1_000_000, flops=1_000_000, latency_ms=1.0)
    after = cost(bytes=1_123_000, flops=1_050_000, latency_ms=1.04)
    gate = check_neutral(after, NO_LIMITS, before, 5.0)
    assert gate.reasons == ("bytes grew by 12.3% over the baseline, 5% are neutral",)
    assert check_neutral(after, NO_LIMITS, before, 12.5).passed
    assert check_neutral(before, NO_LIMITS, after, 0.0).passed


def test_growth_from_nothing_is_not_neutral():
    gate = check_neutral(cost(), NO_LIMITS, cost(flops=0), 5.0)
    assert gate.reasons == ("FLOPs grew from zero over the baseline, 5% are neutral",)


def test_latency_grew_where_its_median_did_too():
    before, slow = cost(), {"latency_ms": 3.0}
    assert check_neutral(cost(**slow, latency_ms_median=1.04), NO_LIMITS, before, 5.0).passed
    gate = check_neutral(cost(**slow, latency_ms_median=1.5), NO_LIMITS, before, 5.0)
    assert gate.reasons == ("p99 latency grew by 50.0% over the baseline, 5% are neutral",)


@pytest.mark.parametrize("differing", [{"measured_on": "cuda"}, {"batch_size": 8}])
def test_latencies_of_other_machines_and_sizes_are_not_compared(differing):
    before = cost(latency_ms=0.1, latency_ms_median=0.1, **differing)
    assert check_neutral(cost(), NO_LIMITS, before, 5.0).passed


def test_the_ship_gate_holds_the_models_and_the_templates_limits(small_log, small_model):
    template = catalogue["sparsenn_small"].change(
        "serving", limits={"flops": 10}, growth=100.0, batch_size=2
    )
    model = small_model.model_copy(
        update={"features": ("user", "item"), "limits": ServingLimits(flops=100, bytes=20)}
    )
    network = filled(template, model, small_log)
    gate = ship_gate(network, template, model)
    assert gate.cost.bytes == gate.cost.table_bytes + gate.cost.dense_bytes
    assert len(gate.reasons) == 2
    assert gate.reasons[0].endswith("exceed the model's limit 10")
    assert gate.reasons[1].endswith("exceed the model's limit 20")
    again = ship_gate(network, template, model, gate.cost, cost=gate.cost)
    assert again.reasons == gate.reasons
