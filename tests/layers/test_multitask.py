import math

import pytest
import torch
from torch import nn

from smt.layers.initialize import initialize
from smt.layers.multitask import PLE, MMoE, SharedBottom


def linear(weight, bias, inputs):
    return [
        sum(w * x for w, x in zip(row, inputs, strict=True)) + shift
        for row, shift in zip(weight, bias, strict=True)
    ]


def experts_of(layer, inputs, width):
    """The outputs of a layer of experts for one example, a list each."""
    values = linear(layer.weight.tolist(), layer.bias.tolist(), inputs)
    rectified = [max(value, 0.0) for value in values]
    return [rectified[start : start + width] for start in range(0, len(rectified), width)]


def mix(weight, inputs, experts):
    exponents = [math.exp(score) for score in linear(weight, [0.0] * len(weight), inputs)]
    assert len(exponents) == len(experts)
    return [
        sum(e * expert[k] for e, expert in zip(exponents, experts, strict=True)) / sum(exponents)
        for k in range(len(experts[0]))
    ]


def test_shared_bottom_gives_every_event_the_same_hidden_layer():
    layer, hidden = SharedBottom(4, 3), torch.randn(5, 4)
    found = layer(hidden)
    assert found.shape == (5, 3, layer.out_features) == (5, 3, 4)
    assert all(torch.equal(found[:, event], hidden) for event in range(3))
    assert found.data_ptr() == hidden.data_ptr()


def test_mmoe_mixes_shared_experts_by_each_events_gate():
    layer = MMoE(4, 2, experts=3, width=5).double()
    hidden = torch.randn(6, 4, dtype=torch.float64)
    found = layer(hidden)
    assert found.shape == (6, 2, layer.out_features) == (6, 2, 5)
    gates = layer.gates.weight.tolist()
    for row, inputs in zip(found, hidden.tolist(), strict=True):
        experts = experts_of(layer.experts, inputs, 5)
        for event in range(2):
            expected = mix(gates[3 * event : 3 * event + 3], inputs, experts)
            assert row[event].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_ple_is_layers_of_gates_over_shared_and_own_experts(layers):
    model = PLE(4, 2, shared=3, specific=2, layers=layers, width=5).double()
    hidden = torch.randn(6, 4, dtype=torch.float64)
    found = model(hidden)
    assert found.shape == (6, 2, model.out_features) == (6, 2, 5)
    for row, inputs in zip(found, hidden.tolist(), strict=True):
        common, events = inputs, [inputs, inputs]
        for number, layer in enumerate(model.layers):
            shared = experts_of(layer.shared_experts, common, 5)
            own = [experts_of(layer.event_experts[e], events[e], 5) for e in range(2)]
            events = [
                mix(layer.event_gates[e].weight.tolist(), events[e], shared + own[e])
                for e in range(2)
            ]
            if number < layers - 1:
                common = mix(layer.shared_gate.weight.tolist(), common, shared + own[0] + own[1])
        for event in range(2):
            assert row[event].tolist() == pytest.approx(events[event])


def test_the_last_extraction_has_no_shared_gate():
    model = PLE(4, 2, shared=1, specific=1, layers=2, width=3)
    assert model.layers[0].shared_gate is not None
    assert model.layers[1].shared_gate is None
    model(torch.randn(5, 4)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    "make",
    [
        lambda events: MMoE(4, events, experts=3, width=5),
        lambda events: PLE(4, events, shared=2, specific=3, layers=2, width=5),
    ],
)
def test_a_further_event_leaves_the_first_events_initial_values_as_they_are(make):
    few, many = make(2), make(3)
    for layer in (few, many):
        initialize(layer, 0)
    more = dict(many.named_parameters())
    for name, value in few.named_parameters():
        assert torch.equal(value, more[name][: len(value)]), name


@pytest.mark.parametrize(
    "layer",
    [
        SharedBottom(4, 3),
        MMoE(4, 3, experts=2, width=5),
        PLE(4, 3, shared=2, specific=1, layers=2, width=5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_event_sharing_exports_with_any_batch_size(layer):
    rows = torch.export.Dim.DYNAMIC
    exported = torch.export.export(layer, (torch.randn(5, 4),), dynamic_shapes=({0: rows},))
    for batch in (2, 9):
        hidden = torch.randn(batch, 4)
        torch.testing.assert_close(exported.module()(hidden), layer(hidden))


def test_networks_of_shared_experts_can_be_made_without_memory():
    with torch.device("meta"):
        layers = nn.Sequential(nn.Linear(3, 4), PLE(4, 2, shared=1, specific=1, layers=1, width=2))
    assert all(parameter.is_meta for parameter in layers.parameters())
