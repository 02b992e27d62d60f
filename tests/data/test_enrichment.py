import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.data import open_log, read_batches, write_log
from smt.data.columns import Embedding, Event, Id, IdList, Numeric
from smt.data.enrichment import enrich
from smt.errors import InputError

COLUMNS = {
    "rating": Numeric(side="item"),
    "brand": Id(num_ids=6, side="item"),
    "colours": IdList(num_ids=9, side="item"),
    "picture": Embedding(dim=3, side="item"),
}


def side_table(items, seed=0):
    """Rows of the items in the order given."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "item": pa.array(items, pa.int64()),
            "rating": pa.array(rng.normal(size=len(items))),
            "brand": pa.array(rng.integers(5, size=len(items)), pa.int32()),
            "colours": pa.array([rng.integers(9, size=n % 4).tolist() for n in items]),
            "picture": pa.array(rng.normal(size=(len(items), 3)).tolist()),
            "ignored": pa.array(["x"] * len(items)),
        }
    )


@settings(max_examples=15)
@given(st.sets(st.integers(0, 199), max_size=200), st.randoms())
def test_every_row_gets_what_the_table_says_of_its_id_or_else_the_unknown(small_log, items, random):
    items = list(items)
    random.shuffle(items)
    side = side_table(items)
    enriched = enrich(small_log, side, key="item", columns=COLUMNS)
    known = {row["item"]: row for row in side.to_pylist()}
    for ours, theirs in ((enriched.train, small_log.train), (enriched.test, small_log.test)):
        assert ours.column_names == [*theirs.column_names, *COLUMNS]
        for name in ("item", "time", "click", "history"):
            assert ours[name].equals(theirs[name])
        for found in ours.select(["item", *COLUMNS]).slice(0, 500).to_pylist():
            row = known.get(found["item"])
            if row is None:
                assert math.isnan(found["rating"])
                assert (found["brand"], found["colours"]) == (0, [])
                assert found["picture"] == [0, 0, 0]
            else:
                assert found["rating"] == np.float32(row["rating"])
                assert (found["brand"], found["colours"]) == (row["brand"] + 1, row["colours"])
                assert found["picture"] == [np.float32(each) for each in row["picture"]]


def test_an_enriched_log_can_be_read_in_batches_and_written(small_log, tmp_path):
    enriched = enrich(small_log, side_table(range(0, 200, 2)), key="item", columns=COLUMNS)
    batches = list(
        read_batches(
            enriched.test,
            enriched.schema,
            features=[*COLUMNS, "user"],
            events=["click"],
            batch_size=100,
        )
    )
    brands = [code for batch in batches for code in batch.ids["brand"].values().tolist()]
    assert brands == enriched.test["brand"].to_pylist()
    pictures = [vector for batch in batches for vector in batch.embeddings["picture"].tolist()]
    assert pictures == enriched.test["picture"].to_pylist()
    assert enriched.schema.side_of("picture") == "item"
    written = write_log(tmp_path / "log", enriched.schema, enriched.train, enriched.test)
    assert written.test.to_table()["colours"].to_pylist() == enriched.test["colours"].to_pylist()


def test_tables_and_windows_on_disk_give_the_same_as_in_memory(small_log, small_log_path, tmp_path):
    side = side_table(range(100))
    pq.write_table(side, tmp_path / "side.parquet")
    expected = enrich(small_log, side, key="item", columns=COLUMNS)
    for path in (tmp_path / "side.parquet", (tmp_path / "side.parquet").as_uri()):
        found = enrich(small_log, path, key="item", columns=COLUMNS)
        assert found.digest == expected.digest
        assert found.test["brand"].equals(expected.test["brand"])
    on_disk = enrich(open_log(small_log_path), side, key="item", columns=COLUMNS)
    assert on_disk.train["brand"].to_pylist() == expected.train["brand"].to_pylist()
    assert on_disk.train["colours"].to_pylist() == expected.train["colours"].to_pylist()


def test_a_log_with_some_columns_loaded_is_enriched_too(small_log):
    part = small_log.load(["item", "click"])
    enriched = enrich(part, side_table(range(200)), key="item", columns=COLUMNS)
    assert enriched.train.column_names == ["item", "click", *COLUMNS]


def test_names_are_hashed_and_missing_values_are_unknown(small_log):
    side = pa.table(
        {
            "item": [0, 1, 2, 3],
            "brand": ["red", None, "blue", "red"],
            "size": pa.array([4, None, 0, 1], pa.int64()),
            "rating": [None, 1.0, 2.0, 3.0],
        }
    )
    columns = {"brand": Id(num_ids=1000), "size": Id(num_ids=6), "rating": Numeric()}
    enriched = enrich(small_log, side, key="item", columns=columns)
    rows = pa.concat_tables([enriched.train, enriched.test])
    found = {row["item"]: row for row in rows.select(["item", *columns]).to_pylist()}
    assert {0, 1, 2, 3} <= set(found)
    assert found[0]["brand"] == found[3]["brand"] > 0
    assert found[2]["brand"] not in (0, found[0]["brand"])
    assert [found[item]["brand"] == 0 for item in range(4)] == [False, True, False, False]
    assert [found[item]["size"] for item in range(4)] == [5, 0, 1, 2]
    assert math.isnan(found[0]["rating"])


def test_the_digest_is_of_the_log_the_kinds_and_the_tables_content(small_log):
    def digest(side, columns=COLUMNS):
        return enrich(small_log, side, key="item", columns=columns).digest

    first = digest(side_table(range(50)))
    assert first == digest(side_table(range(50)).drop_columns("ignored"))
    assert first != small_log.digest
    assert first != digest(side_table(range(50), seed=1))
    assert first != digest(side_table(range(51)))
    assert first != digest(side_table(range(50)), {**COLUMNS, "rating": Numeric()})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"key": "itm"}, "key of the side table: 'itm'; did you mean 'item'"),
        ({"key": "user_interests"}, "unknown key of the side table: 'user_interests'"),
        ({"key": "user"}, "the side table: lacks the column 'user'"),
        ({"columns": {"ratings": Numeric()}}, "lacks the column 'ratings'; did you mean 'rating'"),
        ({"columns": {"category": Id(num_ids=9)}}, "the log has a column 'category' already"),
        ({"columns": {"history_times": Numeric()}}, "the log has a column 'history_times' already"),
        ({"columns": {"rating": Event()}}, "'rating' cannot be of kind 'event'"),
        ({"columns": {"brand": Id(num_ids=1)}}, "'brand' needs num_ids of at least 2"),
        ({"columns": {"brand": Id(num_ids=5)}}, r"'brand': the value 4 is outside \[0, 4\)"),
        ({"columns": {"picture": Embedding(dim=4)}}, "is not a list of 4 numbers"),
    ],
)
def test_a_join_that_does_not_fit_is_refused(small_log, changed, message):
    options = {"key": "item", "columns": COLUMNS, **changed}
    with pytest.raises(InputError, match=message):
        enrich(small_log, side_table(range(100)), **options)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (pa.array([1, 2, 1]), "column 'item': the id 1 is there twice"),
        (pa.array([1, None, 2]), "column 'item': an id is missing"),
        (pa.array(["a", "b", "c"]), "column 'item': must hold ids, not string"),
    ],
)
def test_a_key_that_is_not_one_id_a_row_is_refused(small_log, ids, message):
    side = pa.table({"item": ids, "rating": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=message):
        enrich(small_log, side, key="item", columns={"rating": Numeric()})


def test_a_file_that_cannot_be_read_is_named(small_log, tmp_path):
    (tmp_path / "text.parquet").write_text("no")
    for name in ("none.parquet", "text.parquet"):
        with pytest.raises(InputError, match=name):
            enrich(small_log, tmp_path / name, key="item", columns=COLUMNS)


def test_rows_are_clustered_by_the_log_and_not_by_a_side_table(small_log):
    assert enrich(small_log, side_table([1]), key="item", columns=COLUMNS).schema.cluster == "user"
    columns = {"brand": Id(num_ids=6, cluster=True)}
    with pytest.raises(InputError, match="'brand' cannot be what rows are clustered by"):
        enrich(small_log, side_table([1]), key="item", columns=columns)
