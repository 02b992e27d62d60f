import math

import pytest
from torch.utils.flop_counter import FlopCounterMode

from smt.data import read_batches
from smt.data.columns import Event, Surface, Timestamp
from smt.data.schema import Schema
from smt.errors import InputError
from smt.fleet import Fleet
from smt.template import FleetTemplates, build, count_fleet_flops, count_flops


def literal_flops(tokens, numeric, embeddings, dim=16, events=1):
    """2·in·out a linear layer, and 2·F²·D for all dot products (torch multiplies both halves).

    The products of pairs fill whole tokens. Events' last layers are no matrix product each.
    """
    product_tokens = math.ceil(tokens * (tokens - 1) // 2 / dim)
    flops = 2 * (2 * numeric * 64 + 64 * dim) if numeric else 0
    flops += sum(2 * each * dim for each in embeddings)
    flops += 2 * tokens * tokens * dim
    return flops + 2 * ((1 + product_tokens) * dim * 128 + 128 * 64 + 64 * events)


@pytest.mark.parametrize(
    ("features", "events", "expected"),
    [
        (("user", "item"), ("click",), literal_flops(2, 0, [])),
        (("user", "user_age", "item_price"), ("click",), literal_flops(2, 2, [])),
        (("item_content", "history", "user"), ("click",), literal_flops(3, 0, [16])),
        (("user", "item"), ("click", "like"), literal_flops(2, 0, [], events=2)),
    ],
)
def test_flops_are_those_of_the_matrix_products(
    small_template, small_model, small_log, features, events, expected
):
    model = small_model.model_copy(update={"features": features, "events": events})
    assert count_flops(small_template, model, small_log.schema) == expected


def test_a_surface_with_names_costs_what_one_without_costs(small_template, small_model):
    columns = {"time": Timestamp(), "click": Event()}
    model = small_model.model_copy(update={"features": ("tab",)})
    flops = {
        count_flops(small_template, model, Schema(columns={**columns, "tab": tab}))
        for tab in (Surface(num_ids=2), Surface(num_ids=2, names=("a", "b")))
    }
    assert len(flops) == 1


def test_flops_of_one_example_are_a_batchs_over_its_size(small_template, small_model, small_log):
    network = build(small_template, small_model, small_log.schema).eval()
    batch = next(
        read_batches(
            small_log.train,
            small_log.schema,
            features=small_model.features,
            events=small_model.events,
            batch_size=64,
        )
    )
    with FlopCounterMode(display=False) as counter:
        network(batch)
    counted = count_flops(small_template, small_model, small_log.schema)
    assert counter.get_total_flops() == 64 * counted


def test_a_fleets_flops_are_each_models_own(small_template, small_model, small_log):
    small = small_model.model_copy(update={"name": "b", "features": ("user", "item")})
    twin = small.model_copy(update={"name": "c", "inference_flops": 1})
    fleet = Fleet(name="f", models=(small_model, small, twin))
    counted = count_fleet_flops(
        FleetTemplates.of_one(small_template, fleet), fleet, {"small": small_log}
    )
    for model in counted.models:
        assert model.inference_flops == count_flops(small_template, model, small_log.schema)
    assert fleet.models[0].inference_flops is None


def test_a_model_whose_network_memory_cannot_hold_is_named(small_template, small_model, small_log):
    fleet = Fleet(name="f", models=(small_model,))
    huge = small_template.change("architecture", embedding_dim=2**45)
    said = "model 'click/all': its network cannot be built: out of memory: RuntimeError"
    with pytest.raises(InputError, match=said):
        count_fleet_flops(FleetTemplates.of_one(huge, fleet), fleet, {"small": small_log})
