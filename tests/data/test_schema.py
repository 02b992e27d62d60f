import pyarrow as pa
import pytest

from smt.data.columns import (
    Bucket,
    Cross,
    DataConstraint,
    Embedding,
    Event,
    Id,
    IdList,
    Numeric,
    Propensity,
    Sequence,
    Surface,
    Timestamp,
    Weight,
)
from smt.data.log import arrow_schema
from smt.data.schema import Schema
from smt.errors import InputError

COLUMNS = {
    "age": Numeric(),
    "user": Id(num_ids=10),
    "tags": IdList(num_ids=5),
    "vector": Embedding(dim=3),
    "history": Sequence(num_ids=10, events="history_events"),
    "tab": Surface(num_ids=2),
    "time": Timestamp(),
    "w": Weight(),
    "p": Propensity(),
    "click": Event(),
    "like": Event(),
}


def test_roles_are_found_by_kind_in_the_schemas_order():
    schema = Schema(columns=COLUMNS)
    assert schema.features == ("age", "user", "tags", "vector", "history", "tab")
    assert schema.events == ("click", "like")
    assert (schema.timestamp, schema.weight) == ("time", "w")


def test_labels_time_weight_and_propensity_are_no_features():
    features = Schema(columns=COLUMNS).features
    assert not {"click", "like", "time", "w", "p"} & set(features)


def test_yaml_round_trip_keeps_kinds_and_their_settings(tmp_path):
    schema = Schema(columns=COLUMNS)
    schema.dump(tmp_path / "schema.yaml")
    again = Schema.load(tmp_path / "schema.yaml")
    assert again == schema
    assert list(again.columns) == list(schema.columns)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"time2": Timestamp()}, "exactly one column of kind 'timestamp'"),
        ({"tab2": Surface(num_ids=2)}, "at most one column of kind 'surface'"),
        ({"w2": Weight()}, "at most one column of kind 'weight'"),
        ({"p2": Propensity()}, "at most one column of kind 'propensity'"),
    ],
)
def test_a_second_column_of_a_unique_kind_is_refused(extra, message):
    with pytest.raises(InputError, match=message):
        Schema.parse({"columns": {**COLUMNS, **extra}}, source="here")


def test_a_schema_without_time_is_refused():
    with pytest.raises(InputError, match="exactly one column of kind 'timestamp'"):
        Schema.parse({"columns": {"click": {"kind": "event"}}}, source="here")


@pytest.mark.parametrize("num_ids", [0, -1])
def test_an_empty_id_space_is_refused(num_ids):
    columns = {"u": {"kind": "id", "num_ids": num_ids}, "t": {"kind": "timestamp"}}
    with pytest.raises(InputError, match="num_ids"):
        Schema.parse({"columns": columns}, source="here")


def test_require_names_the_unknown_and_the_closest_known():
    schema = Schema(columns=COLUMNS)
    schema.require(["click"], schema.events, "event")
    with pytest.raises(InputError, match=r"unknown event 'clik'; did you mean 'click'\?"):
        schema.require(["click", "clik"], schema.events, "event")


TOWERS = {
    "time": Timestamp(),
    "user": Id(num_ids=10, side="user"),
    "region": DataConstraint(num_ids=2, side="user"),
    "item": Id(num_ids=20, side="item"),
    "tags": IdList(num_ids=5, side="item"),
    "likes": IdList(num_ids=5, of="tags", side="user"),
    "price": Numeric(side="item"),
    "history": Sequence(
        num_ids=20, of="item", events="codes", num_events=4, timestamps="times", side="user"
    ),
    "tab": Surface(num_ids=2),
    "user_region": Cross(of=("user", "region"), num_ids=7),
    "user_item": Cross(of=("user", "item"), num_ids=7),
    "price_bucket": Bucket(of="price", boundaries=(1, 2.5)),
    "click": Event(),
    "sale": Event(after="click", delay="sale_delay"),
}


def parse(**changed):
    return Schema.parse({"columns": {**TOWERS, **changed}}, source="here")


def test_old_columns_are_of_the_context():
    assert Schema(columns=COLUMNS).side_of("user") == "context"


def test_a_transform_has_the_side_of_its_sources_or_else_that_of_the_context():
    schema = parse()
    sides = {name: schema.side_of(name) for name in ("history", "tab", "price_bucket")}
    assert sides == {"history": "user", "tab": "context", "price_bucket": "item"}
    assert schema.side_of("user_region") == "user"
    assert schema.side_of("user_item") == "context"
    with pytest.raises(InputError, match="unknown feature 'click'"):
        schema.side_of("click")


def test_transforms_are_features_but_not_stored():
    schema = parse()
    transforms = {"user_region", "user_item", "price_bucket"}
    assert transforms <= set(schema.features)
    assert set(schema.columns) - set(schema.stored) == transforms


def test_a_bucket_has_an_id_for_each_interval_and_one_for_missing_values():
    assert Bucket(of="price", boundaries=(1, 2.5)).num_ids == 4


def test_steps_and_delays_are_known_by_the_columns_that_own_them():
    schema = parse()
    assert schema.steps == {"codes": "history", "times": "history"}
    assert schema.delays == {"sale_delay": "sale"}


def test_the_new_fields_round_trip_through_yaml(tmp_path):
    parse().dump(tmp_path / "schema.yaml")
    assert Schema.load(tmp_path / "schema.yaml") == parse()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"likes": IdList(num_ids=5, of="tag")}, "'likes.of' names 'tag'.*did you mean 'tags'"),
        ({"likes": IdList(num_ids=5, of="price")}, "'likes.of' names 'price'"),
        ({"likes": IdList(num_ids=6, of="tags")}, "'likes' and 'tags' must have the same num_ids"),
        ({"likes": IdList(num_ids=5, of="likes")}, "whose ids are those of 'likes'"),
        ({"more": IdList(num_ids=5, of="likes")}, "whose ids are those of 'tags'"),
        ({"history": Sequence(num_ids=9, of="item")}, "must have the same num_ids"),
        ({"user_item": Cross(of=("user", "price"), num_ids=7)}, "'user_item.of' names 'price'"),
        ({"user_item": Cross(of=("user", "tags"), num_ids=7)}, "'user_item.of' names 'tags'"),
        ({"twice": Cross(of=("user", "user"), num_ids=7)}, "must be two different columns"),
        ({"price_bucket": Bucket(of="user", boundaries=(1,))}, "'price_bucket.of' names 'user'"),
        ({"sale": Event(after="item")}, "'sale.after' names 'item'"),
        ({"click": Event(after="sale")}, "in a circle: click, sale"),
        ({"sale": Event(after="sale")}, "in a circle: sale"),
        ({"sale": Event(delay="price")}, "'price' of steps, delays or truth is named twice"),
        (
            {"click": Event(delay="sale_delay")},
            "'sale_delay' of steps, delays or truth is named twice",
        ),
        ({"sale": Event(delay="codes")}, "'codes' of steps, delays or truth is named twice"),
    ],
)
def test_a_reference_that_does_not_hold_is_refused(changed, message):
    with pytest.raises(InputError, match=message):
        parse(**changed)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"kind": "bucket", "of": "price", "boundaries": [1, 1]}, "must be strictly increasing"),
        ({"kind": "bucket", "of": "price", "boundaries": []}, "at least 1 item"),
        ({"kind": "sequence", "num_ids": 5, "num_events": 3}, "name that column too"),
        ({"kind": "numeric", "side": "buyer"}, "'user', 'item' or 'context'"),
    ],
)
def test_an_impossible_column_is_refused(column, message):
    with pytest.raises(InputError, match=message):
        parse(extra=column)


def test_what_clusters_rows_is_an_id_that_the_schema_chooses(tmp_path):
    assert parse().cluster is None
    schema = parse(user=Id(num_ids=10, cluster=True, side="user"))
    assert schema.cluster == "user"
    schema.dump(tmp_path / "schema.yaml")
    assert Schema.load(tmp_path / "schema.yaml") == schema


def test_a_schema_of_before_there_were_clusters_has_none():
    columns = parse().to_dict()["columns"]
    for column in columns.values():
        column.pop("cluster", None)
    old = Schema.parse({"columns": columns}, source="here")
    assert old == parse()
    assert old.cluster is None


def test_rows_are_clustered_by_one_id_only():
    clusters = {name: Id(num_ids=20, cluster=True) for name in ("user", "item")}
    with pytest.raises(InputError, match="by at most one column, but 'user' and 'item' have"):
        Schema.parse(
            {"columns": {**clusters, "click": Event(), "time": Timestamp()}}, source="here"
        )
    surface = {"kind": "surface", "num_ids": 2, "cluster": True}
    with pytest.raises(InputError, match=r"unknown key 'columns\.tab\.surface\.cluster'"):
        parse(tab=surface)


def test_a_schema_without_truths_is_written_as_before_there_were_any():
    schema = Schema(columns={"click": Event(), "time": Timestamp()})
    assert "truth" not in schema.to_dict()["columns"]["click"]


def test_more_ids_than_int64_has_are_refused():
    columns = {"time": {"kind": "timestamp"}, "click": {"kind": "event"}}
    too_many = columns | {"user": {"kind": "id", "num_ids": 2**63}}
    with pytest.raises(InputError, match=r"user.*num_ids'.* less than 9223372036854775808"):
        Schema.parse({"columns": too_many}, source="schema.yaml")


@pytest.mark.parametrize(("number", "key"), [("1,000", 0), ("1,5", 5)])
def test_a_number_with_a_comma_is_told_from_a_key(tmp_path, number, key):
    file = tmp_path / "schema.yaml"
    file.write_text(f"columns:\n  user: {{kind: id, num_ids: {number}}}\n")
    with pytest.raises(InputError, match=rf"'columns\.user\.id': keys .* {key} is none; a comma"):
        Schema.load(file)


VALUES = {"watched": {"kind": "value"}, "paid": {"kind": "value", "power": 1.9, "delay": "late"}}


def test_a_value_is_an_event_that_models_may_have():
    columns = {"time": {"kind": "timestamp"}, "click": {"kind": "event"}} | VALUES
    schema = Schema.parse({"columns": columns}, source="here")
    assert schema.events == ("click", "watched", "paid")
    assert schema.delays == {"late": "paid"}
    assert arrow_schema(schema).field("watched").type == pa.float32()
    assert Schema.parse(schema.to_dict(), source="again") == schema


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"kind": "value", "power": 2.0}, "less than 2"),
        ({"kind": "value", "power": 1}, "greater than 1"),
        ({"kind": "value", "unit": "s"}, "name 'delay' too"),
        ({"kind": "value", "truth": "mean"}, "'truth' and 'floor' are known together"),
        ({"kind": "value", "after": "click"}, "unknown key 'columns.watched.value.after'"),
    ],
)
def test_an_impossible_value_is_refused(column, message):
    columns = {"time": {"kind": "timestamp"}, "click": {"kind": "event"}, "watched": column}
    with pytest.raises(InputError, match=message):
        Schema.parse({"columns": columns}, source="here")


def test_an_event_may_not_come_after_a_value_as_probabilities_alone_are_chained():
    columns = {"time": {"kind": "timestamp"}, "buy": {"kind": "event", "after": "watched"}}
    with pytest.raises(InputError, match=r"'buy\.after' names 'watched', a value; probabilities"):
        Schema.parse({"columns": columns | VALUES}, source="here")
