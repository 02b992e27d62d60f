"""Which features a template reads, and as what."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smt.data.columns import Bucket, Cross, Event, Id, Numeric, Timestamp
from smt.data.schema import Schema
from smt.errors import InputError
from smt.template import build, catalogue
from smt.template.importance import by_importance, read_importance
from smt.template.inputs import QuantileBucket, feature_type, resolve_inputs, split_sides


@pytest.fixture(scope="module")
def schema(small_log):
    """The small log's, with two declared transforms."""
    return Schema(
        columns={
            **small_log.schema.columns,
            "segment_category": Cross(of=("segment", "category"), num_ids=64),
            "user_pair": Cross(of=("segment", "device"), num_ids=32),
            "age_group": Bucket(of="user_age", boundaries=(20.0, 40.0)),
        }
    )


@pytest.fixture(scope="module")
def model(small_model, schema):
    return small_model.model_copy(update={"features": schema.features})


@pytest.fixture
def select(tmp_path, small_template):
    """(importance, count by type) -> the template with that selection."""

    def make(importance, **counts):
        path = tmp_path / "importance.parquet"
        columns = {"feature": [*importance], "importance": [*importance.values()]}
        pq.write_table(pa.table(columns), path)
        return small_template.change("features", selection={"importance": str(path), **counts})

    return make


TYPES = {
    "numeric": (
        "user_age",
        "user_budget",
        "user_activity",
        "item_price",
        "item_duration",
        "item_quality",
        "item_age_days",
    ),
    "id": (
        "user",
        "item",
        "segment",
        "device",
        "advertiser",
        "category",
        "hour",
        "day_of_week",
        "surface",
        "region",
    ),
    "id_list": ("user_interests", "item_tags"),
    "embedding": ("item_content",),
    "event": ("history",),
    "transform": ("segment_category", "user_pair", "age_group"),
}


def test_every_feature_has_a_type(schema, model):
    found = {name: feature_type(schema, name) for name in model.features}
    assert found == {name: each for each, names in TYPES.items() for name in names}


def test_a_sequence_without_types_and_times_of_its_steps_is_no_event(schema):
    bare = schema.columns["history"].model_copy(
        update={"events": None, "num_events": None, "timestamps": None}
    )
    plain = Schema(columns={**schema.columns, "history": bare})
    assert feature_type(plain, "history") == "sequence"


def test_everything_is_read_where_nothing_is_selected(small_template, schema, model):
    inputs = resolve_inputs(small_template, model, schema)
    assert inputs.numeric == TYPES["numeric"]
    assert inputs.ids == TYPES["id"]
    assert (inputs.id_lists, inputs.sequences) == (TYPES["id_list"], ("history",))
    assert inputs.embeddings == ("item_content",)
    assert inputs.crosses == {
        "segment_category": Cross(of=("segment", "category"), num_ids=64),
        "user_pair": Cross(of=("segment", "device"), num_ids=32),
    }
    assert inputs.buckets == {"age_group": Bucket(of="user_age", boundaries=(20.0, 40.0))}


@pytest.mark.parametrize("each", sorted(TYPES))
@pytest.mark.parametrize("count", [1, 2, 99])
def test_the_most_important_features_of_a_type_are_kept(each, count, select, schema, model):
    importance = {name: float(place) for place, name in enumerate(TYPES[each])}
    inputs = resolve_inputs(select(importance, **{each: count}), model, schema)
    kept = set(TYPES[each][::-1][:count])
    assert {name for name in inputs.names if name in TYPES[each]} == kept
    # Other types are as they were, and what is kept stands in the model's order.
    assert len(inputs.names) == 24 - len(TYPES[each]) + len(kept)
    for names in (inputs.numeric, inputs.ids, inputs.id_lists):
        assert [*names] == [name for name in model.features if name in names]


def test_features_of_unknown_importance_come_last_in_the_models_order(select, schema, model):
    inputs = resolve_inputs(select({"category": 0.1, "hour": -3.0}, id=4), model, schema)
    assert inputs.ids == ("user", "item", "category", "hour")


def test_without_importances_the_models_order_counts(small_template, schema, model):
    template = small_template.change("features", selection={"id": 2, "numeric": 3})
    inputs = resolve_inputs(template, model, schema)
    assert inputs.ids == ("user", "item")
    assert inputs.numeric == ("user_age", "user_budget", "user_activity")


def test_importance_is_the_mean_of_a_features_rows(tmp_path):
    path = tmp_path / "i.parquet"
    pq.write_table(pa.table({"feature": ["a", "b", "a"], "importance": [1.0, 1.5, 3.0]}), path)
    assert read_importance(str(path)) == {"a": 2.0, "b": 1.5}
    assert read_importance(path.as_uri()) == {"a": 2.0, "b": 1.5}
    assert by_importance(("c", "b", "a", "d"), read_importance(str(path))) == ["a", "b", "c", "d"]


def test_importances_that_are_not_there_are_refused_by_name(
    tmp_path, small_template, schema, model
):
    missing = str(tmp_path / "none.parquet")
    template = small_template.change("features", selection={"importance": missing})
    with pytest.raises(InputError, match=rf"feature importance {missing}: "):
        resolve_inputs(template, model, schema)
    pq.write_table(pa.table({"feature": ["a"]}), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=r"bad\.parquet: it has no column 'importance'"):
        read_importance(str(tmp_path / "bad.parquet"))


def test_crosses_are_of_the_most_important_pairs_of_ids(select, schema, model):
    importance = {"item": 3.0, "hour": 2.0, "user": 1.0, "device": 0.5}
    template = select(importance, id=1)
    template = template.change("features", crosses={"count": 4, "num_ids": 100})
    inputs = resolve_inputs(template, model, schema)
    made = {name: cross for name, cross in inputs.crosses.items() if name.startswith("cross__")}
    # By the sum of the ranks of both, then by the better one.
    pairs = [("item", "hour"), ("item", "user"), ("item", "device"), ("hour", "user")]
    assert [cross.of for cross in made.values()] == pairs
    assert {cross.num_ids for cross in made.values()} == {100}
    assert inputs.ids == ("item",)
    assert {"hour", "user"} <= {*inputs.columns(schema)}


def test_buckets_and_past_rates_are_of_the_most_important_features(select, schema, model):
    template = select({"item_price": 2.0, "user_age": 1.0, "hour": 5.0, "item": 4.0})
    template = template.change("features", buckets={"count": 2, "buckets": 7}).change(
        "data", past_rates={"count": 2, "prior_count": 1.0}
    )
    inputs = resolve_inputs(template, model, schema)
    assert inputs.buckets == {
        "age_group": Bucket(of="user_age", boundaries=(20.0, 40.0)),
        "bucket__item_price": QuantileBucket("item_price", 7),
        "bucket__user_age": QuantileBucket("user_age", 7),
    }
    assert inputs.past_rates == ("hour", "item")


def test_numeric_targets_are_the_most_important_and_no_inputs_in_any_form(select, schema, model):
    template = select({"user_age": 3.0, "item_price": 2.0}, numeric=2)
    template = template.change(
        "data", auxiliary={"source": "numeric", "count": 2, "weight": 0.1}
    ).change("features", buckets={"count": 1, "buckets": 4})
    inputs = resolve_inputs(template, model, schema)
    assert inputs.targets == ("user_age", "item_price")
    assert inputs.numeric == ("user_budget", "user_activity")
    assert [*inputs.buckets] == ["bucket__user_budget"]
    assert {"user_age", "item_price"} <= {*inputs.columns(schema)}


def test_a_model_of_nothing_but_labels_is_refused(small_template, schema, model):
    template = small_template.change(
        "data", auxiliary={"source": "numeric", "count": 3, "weight": 0.1}
    )
    few = model.model_copy(update={"features": ("user_age", "item_price")})
    with pytest.raises(InputError, match=r"no feature left to read.*\(user_age, item_price\)"):
        build(template, few, schema)


@pytest.mark.parametrize(
    ("transform", "source"), [("segment_category", "category"), ("age_group", "user_age")]
)
def test_a_transform_without_its_source_is_refused(
    transform, source, small_template, schema, model
):
    features = tuple(name for name in model.features if name != source)
    if transform != "segment_category":
        features = tuple(name for name in features if name != "segment_category")
    with pytest.raises(InputError, match=f"'{transform}' is made from '{source}', which is not"):
        resolve_inputs(small_template, model.model_copy(update={"features": features}), schema)


def test_towers_divide_the_features_by_side(schema, model):
    template = catalogue["decoupled_sparsenn_small"].change(
        "features", crosses={"count": 9, "num_ids": 10}, buckets={"count": 9, "buckets": 3}
    )
    model = model.model_copy(
        update={"features": tuple(n for n in model.features if n != "segment_category")}
    )
    inputs = resolve_inputs(template, model, schema)
    user, item = split_sides(inputs, schema, model)
    assert {*user.names} | {*item.names} == {*inputs.names}
    assert not {*user.names} & {*item.names}
    assert {*item.ids} == {"item", "advertiser", "category"}
    assert item.id_lists == ("item_tags",)
    assert item.sequences == ()
    assert item.embeddings == ("item_content",)
    assert {"hour", "surface", "region"} <= {*user.ids}
    for tower, of_item in ((user, False), (item, True)):
        sources = [s for cross in tower.crosses.values() for s in cross.of]
        sources += [bucket.of for bucket in tower.buckets.values()]
        assert {schema.side_of(name) == "item" for name in sources} == {of_item}
    assert "user_pair" in user.crosses


def test_a_declared_cross_of_both_sides_is_refused_in_towers(schema, model):
    template = catalogue["decoupled_sparsenn_small"]
    with pytest.raises(InputError, match=r"'segment_category' crosses segment and category, but"):
        build(template, model, schema)


@pytest.mark.parametrize(
    ("features", "side"), [(("user", "hour"), "item"), (("item", "item_price"), "user")]
)
def test_a_tower_without_features_is_refused(features, side, schema, model):
    lacking = model.model_copy(update={"features": features})
    with pytest.raises(InputError, match=f"no feature of the {side}, so"):
        build(catalogue["decoupled_sparsenn_small"], lacking, schema)


def test_a_made_transform_gives_way_to_a_column_of_its_name(small_template, model):
    template = small_template.change(
        "features", crosses={"count": 10, "num_ids": 100}, buckets={"count": 1, "buckets": 4}
    )
    # Two pairs that are joined to one text, and columns that are named as what is made.
    ids = ("a__b", "c", "a", "b__c", "cross__c__a")
    numeric = ("age", "bucket__age")
    schema = Schema(
        columns={
            **{name: Id(num_ids=9) for name in ids},
            **{name: Numeric() for name in numeric},
            "time": Timestamp(),
            "click": Event(),
        }
    )
    own = model.model_copy(update={"features": (*ids, *numeric)})
    made = resolve_inputs(template, own, schema)
    assert len(made.crosses) == 10
    assert made.crosses["cross__a__b__c"].of == ("a__b", "c")
    assert made.crosses["cross__a__b__c_"].of == ("a", "b__c")
    assert made.crosses["cross__c__a_"].of == ("c", "a")
    assert [*made.buckets] == ["bucket__age_"]
