"""Side tables: joined to the log of the models that have their key."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smt.data import open_log
from smt.errors import InputError
from smt.template import build, count_flops
from smt.template.enrich import enrich_model
from smt.training import train
from smt.training.enrich import enrich_log
from smt.training.network_training import train_network

COLUMNS = {"brand": {"kind": "id", "num_ids": 9}, "rating": {"kind": "numeric"}}
RATINGS = {item: item / 10 for item in range(150)}


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """A table of most items, in no order."""
    items = np.random.default_rng(0).permutation(150)
    path = tmp_path_factory.mktemp("side") / "items.parquet"
    ratings = [RATINGS[item] for item in items.tolist()]
    table = {"item": items, "brand": items % 8, "rating": ratings, "unused": ratings}
    pq.write_table(pa.table(table), path)
    return str(path)


@pytest.fixture
def template(small_template, side):
    enrichment = {"table": side, "key": "item", "columns": COLUMNS}
    return small_template.change("data", enrichments=(enrichment,), train_rows=600)


def test_a_model_reads_the_columns_of_its_side_tables(template, lean_model, small_log):
    model, schema = enrich_model(template, lean_model, small_log.schema)
    assert model.features == (*lean_model.features, "brand", "rating")
    assert schema.columns["brand"].num_ids == 9
    assert enrich_model(template, model, schema) == (model, schema)
    network = build(template, lean_model, small_log.schema)
    assert {"brand", "rating"} <= {*network.features}
    names = network.tower.representation.token_names
    assert names.count("brand") == 1


def test_the_joined_log_holds_what_the_table_says_of_each_rows_item(
    template, lean_model, small_log
):
    _, log = enrich_log(template, lean_model, small_log)
    for window in (log.train, log.test):
        columns = (window[name].to_pylist() for name in ("item", "brand", "rating"))
        for item, brand, rating in zip(*columns, strict=True):
            known = item in RATINGS
            assert brand == (item % 8 + 1 if known else 0)
            assert rating == pytest.approx(RATINGS[item]) if known else np.isnan(rating)
    assert log.digest != small_log.digest


def test_a_model_without_the_key_stays_as_it_is(template, lean_model, small_log):
    others = tuple(name for name in lean_model.features if name != "item")
    model = lean_model.model_copy(update={"features": others})
    assert enrich_log(template, model, small_log) == (model, small_log)
    bare = template.change("data", enrichments=())
    assert np.array_equal(
        train(template, model, small_log).losses, train(bare, model, small_log).losses
    )


def test_training_reads_side_tables_wherever_the_log_is(
    template, lean_model, small_log, small_log_path
):
    in_memory = train(template, lean_model, small_log)
    on_disk = train(template, lean_model, open_log(small_log_path))
    assert np.array_equal(in_memory.losses, on_disk.losses)
    bare = train(template.change("data", enrichments=()), lean_model, small_log)
    assert not np.array_equal(in_memory.losses, bare.losses)
    assert in_memory.flops == count_flops(template, lean_model, small_log.schema) > bare.flops


def test_side_tables_are_joined_to_a_models_own_rows(template, lean_model, small_log):
    model = lean_model.model_copy(update={"filter": {"surface": (0, 2)}})
    trained = train_network(template, model, small_log)
    assert trained.windows.log.train.num_rows < small_log.train.num_rows
    assert "rating" in trained.windows.log.test.column_names
    assert {"brand", "rating"} <= {*trained.reads.features}


def test_a_side_table_that_is_missing_is_named(template, lean_model, small_log):
    (spec,) = template.data.enrichments
    lost = spec.model_copy(update={"table": "/nowhere/items.parquet"})
    template = template.change("data", enrichments=(lost.model_dump(),))
    with pytest.raises(InputError, match=r"/nowhere/items\.parquet"):
        train(template, lean_model, small_log)
