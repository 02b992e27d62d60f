import pytest
import torch
from plain_templates import PLAIN
from served_networks import filled, with_everything

from smt.layers.examples import Examples
from smt.serving import measure_in_turn, measure_once, measure_serving
from smt.serving.measure import Measured, device_of
from smt.template import count_flops
from smt.template.flops import one_example

PARADIGMS = ("sparsenn", "decoupled_sparsenn")


def measured(network, template):
    return measure_serving(network, template, requests=6, warmup=1)


@pytest.fixture(scope="module", params=PARADIGMS)
def measurement(request, small_log, small_model):
    template = with_everything(request.param)
    network = filled(template, small_model, small_log).train()
    return network, template, measured(network, template)


def test_flops_are_those_that_training_limits(measurement, small_log, small_model):
    _, template, cost = measurement
    assert cost.flops == count_flops(template, small_model, small_log.schema)


def test_the_items_tower_is_saved_where_its_vectors_are_at_hand(small_log, small_model):
    template = PLAIN["decoupled_sparsenn_small"]
    network = filled(template, small_model, small_log)
    cost = measured(network, template)
    example = Examples.of(one_example(network, steps=20), training=False)
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter, torch.no_grad():
        network.logits(network.user_vectors(example), torch.zeros(1, 1, network.logits.dim))
    assert cost.flops_item_cached == counter.get_total_flops()
    assert 0 < cost.flops_item_cached < cost.flops


def test_one_tower_has_no_item_to_compute_ahead(small_log, small_model):
    template = PLAIN["sparsenn_small"]
    network = filled(template, small_model, small_log)
    assert measured(network, template).flops_item_cached is None


@pytest.mark.parametrize(("precision", "row"), [("fp32", 64), ("fp16", 32), ("int8", 24)])
def test_bytes_are_rows_at_their_precision_and_the_rest(small_log, small_model, precision, row):
    template = PLAIN["sparsenn_small"].change("serving", table_precision=precision)
    model = small_model.model_copy(update={"features": ("user", "item_tags", "item_content")})
    network = filled(template, model, small_log)
    columns = small_log.schema.columns
    rows = columns["user"].num_ids + columns["item_tags"].num_ids
    held = sum(each.nbytes for each in (*network.parameters(), *network.buffers()))
    cost = measured(network, template)
    assert cost.table_bytes == rows * row
    assert cost.dense_bytes == held - 64 * rows
    assert cost.bytes == cost.table_bytes + cost.dense_bytes


def test_the_99th_percentile_is_not_below_the_median(measurement):
    *_, cost = measurement
    assert cost.latency_ms >= cost.latency_ms_median > 0


def test_measuring_leaves_the_network_and_the_threads_as_they_are(measurement):
    network, *_ = measurement
    assert network.training
    assert torch.get_num_threads() == 1


def test_networks_measured_in_turn_cost_what_each_costs_alone(measurement, small_log, small_model):
    network, template, alone = measurement
    other = PLAIN["sparsenn_small"].change("serving", batch_size=3)
    pair = [(network, template), (filled(other, small_model, small_log), other)]
    costs = measure_in_turn(pair, requests=6, warmup=1)
    latencies = {"latency_ms": 0.0, "latency_ms_median": 0.0}
    assert costs[0].model_copy(update=latencies) == alone.model_copy(update=latencies)
    assert costs[1].batch_size == 3


@pytest.fixture
def timed(monkeypatch):
    """The networks that were timed, in their order."""
    networks, milliseconds = [], Measured.milliseconds

    def counted(measured):
        if measured.network not in networks:
            networks.append(measured.network)
        return milliseconds(measured)

    monkeypatch.setattr(Measured, "milliseconds", counted)
    return networks


def once(template, model, log, seed):
    network = filled(template, model, log)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(seed)
    (cost,) = measure_once([(network, template)], requests=3, warmup=0)
    return cost


@pytest.mark.parametrize("paradigm", PARADIGMS)
def test_networks_that_differ_in_their_weights_alone_are_timed_once(
    paradigm, timed, small_log, small_model
):
    template = with_everything(paradigm).change("serving", batch_size=5)
    first, second = (once(template, small_model, small_log, seed) for seed in (0, 1))
    assert first == second
    assert len(timed) == 1


@pytest.mark.parametrize(
    "change",
    [
        ("serving", {"batch_size": 8}),
        ("serving", {"table_precision": "int8"}),
        ("architecture", {"embedding_dim": 24}),
        ("features", {"max_steps": 3}),
    ],
)
def test_networks_that_serve_otherwise_are_timed_anew(change, timed, small_log, small_model):
    template = PLAIN["sparsenn_small"].change("serving", batch_size=7)
    part, fields = change
    once(template, small_model, small_log, 0)
    timed.clear()
    cost = once(template.change(part, **fields), small_model, small_log, 0)
    assert len(timed) == 1
    assert cost.batch_size == fields.get("batch_size", 7)


def test_a_machine_without_the_target_says_what_it_measured_on(small_log, small_model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert device_of("accelerator").type == "cpu"
    template = PLAIN["sparsenn_small"].change("serving", target="gpu", batch_size=3)
    model = small_model.model_copy(update={"features": ("user",)})
    cost = measured(filled(template, model, small_log), template)
    assert (cost.target, cost.measured_on, cost.batch_size) == ("gpu", "cpu", 3)
