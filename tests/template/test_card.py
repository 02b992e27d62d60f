import pytest
import torch
from plain_templates import PLAIN

from smt.errors import InputError
from smt.template import Int, build, count_flops
from smt.template.card import ModelCard, model_card


def counted(template, model, schema):
    """Dense and table elements, and dense bytes, of a network in memory."""
    network = build(template, model, schema)
    state = network.state_dict()
    tables = {name for name in state if ".embedding_bags." in name}
    dense = sum(p.numel() for name, p in network.named_parameters() if name not in tables)
    dense_bytes = sum(
        state[name].numel() * state[name].element_size() for name in state if name not in tables
    )
    return dense, dense_bytes, [state[name] for name in tables]


@pytest.mark.parametrize("name", ["sparsenn_small", "sparsenn_large", "decoupled_sparsenn_medium"])
def test_the_numbers_are_those_of_the_network_in_memory(name, small_model, small_log):
    template = PLAIN[name]
    card = model_card(template, small_model, small_log.schema)
    dense, dense_bytes, tables = counted(template, small_model, small_log.schema)
    assert card.dense_parameters == dense
    assert card.dense_bytes == dense_bytes
    assert card.table_rows == sum(len(table) for table in tables)
    assert card.table_parameters == sum(table.numel() for table in tables)
    assert card.table_bytes == 4 * card.table_parameters
    assert card.flops == count_flops(template, small_model, small_log.schema)


def test_buffers_of_ids_count_as_dense_bytes(small_template, small_model, small_log):
    plain = model_card(small_template, small_model, small_log.schema)
    gated = small_template.change("features", frequency_gate=2.0)
    card = model_card(gated, small_model, small_log.schema)
    assert card.dense_parameters == plain.dense_parameters
    assert card.dense_bytes > plain.dense_bytes
    assert card.dense_bytes == counted(gated, small_model, small_log.schema)[1]


INT8_ROW = torch.ops.quantized.embedding_bag_byte_prepack(torch.zeros(1, 16)).shape[1]


@pytest.mark.parametrize(("precision", "row"), [("fp32", 64), ("fp16", 32), ("int8", INT8_ROW)])
def test_tables_are_weighed_at_the_serving_precision(
    small_template, small_model, small_log, precision, row
):
    template = small_template.change("serving", table_precision=precision)
    card = model_card(template, small_model, small_log.schema)
    assert card.table_bytes == row * card.table_rows


def test_tables_too_large_for_memory_are_counted(small_template, small_model, small_log):
    columns = small_log.schema.columns
    huge = columns["segment"].model_copy(update={"num_ids": 10**11})
    schema = small_log.schema.model_copy(update={"columns": {**columns, "segment": huge}})
    assert model_card(small_template, small_model, schema).table_rows > 10**11


def test_every_feature_is_read_or_left_out(small_template, small_model, small_log):
    template = small_template.change("features", selection={"id": 2, "numeric": 3}).change(
        "data", auxiliary={"source": "numeric", "count": 1, "weight": 0.1}
    )
    card = model_card(template, small_model, small_log.schema)
    read = [name for use in card.features.values() for name in use.read]
    left = [name for use in card.features.values() for name in use.left_out]
    assert sorted([*read, *left, *card.targets]) == sorted(small_model.features)
    assert len(card.features["id"].read) == 2
    assert len(card.features["numeric"].read) == 3
    assert len(card.targets) == 1
    assert card.features["id_list"].left_out == ()


def test_what_the_template_adds_is_named(small_template, small_model, small_log):
    template = small_template.change(
        "features", crosses={"count": 1, "num_ids": 50}, buckets={"count": 1, "buckets": 4}
    ).change("data", past_rates={"count": 2, "prior_count": 10.0})
    card = model_card(template, small_model, small_log.schema)
    assert card.made == ("cross__user__item", "bucket__user_age")
    assert card.past_rates == ("user", "item")
    plain = model_card(small_template, small_model, small_log.schema)
    assert card.tokens["tower"] == plain.tokens["tower"] + 3


def test_a_side_tables_columns_are_features(small_template, small_model, small_log):
    side = {
        "table": "t.parquet",
        "key": "item",
        "columns": {"colour": {"kind": "id", "num_ids": 9}},
    }
    template = small_template.change("data", enrichments=(side,))
    card = model_card(template, small_model, small_log.schema)
    assert "colour" in card.features["id"].read
    assert card.made == ()


def test_a_models_own_hyperparameters_are_in_its_network(small_template, small_model, small_log):
    place = "architecture.numeric_hidden"
    exposed = small_template.model_copy(update={"exposed": {place: Int(1, 100)}})
    model = small_model.model_copy(update={"hyperparameters": {place: 3}})
    card = model_card(exposed, model, small_log.schema)
    assert card.hyperparameters == {place: 3}
    assert card.template_digest == exposed.digest()
    direct = small_template.change("architecture", numeric_hidden=3)
    expected = model_card(direct, small_model, small_log.schema)
    assert card.dense_parameters == expected.dense_parameters


def test_the_tighter_limit_holds(small_template, small_model, small_log):
    template = small_template.change("serving", limits={"flops": 10, "latency_ms": 5.0})
    limits = small_model.limits.model_copy(update={"flops": 20, "latency_ms": 2.0})
    model = small_model.model_copy(update={"limits": limits})
    card = model_card(template, model, small_log.schema)
    assert (card.limits.flops, card.limits.latency_ms) == (10, 2.0)


def test_towers_have_tokens_of_their_own(small_model, small_log):
    card = model_card(PLAIN["decoupled_sparsenn_small"], small_model, small_log.schema)
    assert set(card.tokens) == {"user", "item"}
    assert min(card.tokens.values()) > 0


def test_a_card_round_trips_and_reads_as_markdown(small_template, small_model, small_log):
    model = small_model.model_copy(update={"name": "a|b", "filter": {"surface": 1}})
    template = small_template.change("features", selection={"id": 1})
    card = model_card(template, model, small_log.schema, version=3)
    assert ModelCard.parse(card.to_dict(), source="here") == card
    lines = card.to_markdown().splitlines()
    assert lines[0] == "# a|b"
    assert lines[2].startswith("Template sparsenn_small, version 3 (content ")
    assert "| rows | surface = 1 |" in lines
    assert f"| FLOPs an example | {card.flops:,} |" in lines
    assert f"| table bytes (fp32) | {card.table_bytes:,} |" in lines
    left_out = ", ".join(card.features["id"].left_out)
    assert f"| id | 1 | user | {left_out} |" in lines
    assert "| sequence |" not in card.to_markdown()


def test_a_model_that_does_not_fit_is_refused(small_template, small_model, small_log):
    model = small_model.model_copy(update={"features": ("usr",)})
    with pytest.raises(InputError, match="'usr'; did you mean 'user'"):
        model_card(small_template, model, small_log.schema)
