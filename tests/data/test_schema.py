import pytest

from smt.data.schema import (
    Embedding,
    Event,
    Id,
    IdList,
    Numeric,
    Propensity,
    Schema,
    Sequence,
    Surface,
    Timestamp,
    Weight,
)
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
