import shutil

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import smt.data.batch
from smt.data import Range, columns_of, input_features, open_log, read_batches
from smt.data.columns import Bucket, Cross, Event, Numeric, Timestamp, Weight
from smt.data.schema import Schema
from smt.errors import InputError

FILTERS = [
    {},
    {"surface": 1},
    {"surface": (0, 3)},
    {"hour": Range(at_least=6, below=15), "region": 0},
    {"user_age": Range(at_least=30.5)},
    {"surface": (99,)},
]


def read(log, window="test", **options):
    options = {"features": log.schema.features, "events": ("click", "like"), **options}
    return list(read_batches(getattr(log, window), log.schema, **options))


def parts_of(batch):
    yield from (batch.numeric.nan_to_num(-7.0), batch.labels, batch.weights)
    yield from (batch.ids.values(), batch.ids.lengths())
    for name, lists in batch.id_lists.items():
        assert lists.keys() == [name]
        yield from (lists.values(), lists.lengths(), lists.offsets())
    yield from batch.embeddings.values()


def assert_equal(left, right):
    assert len(left) == len(right)
    assert list(left.id_lists) == list(right.id_lists)
    assert left.ids.keys() == right.ids.keys()
    for ours, theirs in zip(parts_of(left), parts_of(right), strict=True):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


def corrupt(file, is_bad):
    """Overwrite the pages of the column chunks for which `is_bad(row group, column)`."""
    metadata = pq.ParquetFile(file).metadata
    content = bytearray(file.read_bytes())
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(index)
            if is_bad(group, chunk.path_in_schema.split(".")[0]):
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                content[start : start + chunk.total_compressed_size] = (
                    b"\xff" * chunk.total_compressed_size
                )
    file.write_bytes(content)


@pytest.fixture
def copied_log_path(small_log_path, tmp_path):
    return shutil.copytree(small_log_path, tmp_path / "log")


def within(tensor, buffer):
    end = tensor.data_ptr() + tensor.numel() * tensor.element_size()
    return buffer.address <= tensor.data_ptr() and end <= buffer.address + buffer.size


def test_lists_and_embeddings_alias_the_tables_arrow_buffers(small_log):
    table = small_log.test
    batches = read(small_log, batch_size=100)
    assert len(batches) > 3
    for name in ("history", "user_interests", "item_tags"):
        buffer = table[name].chunk(0).values.buffers()[1]
        assert all(within(batch.id_lists[name].values(), buffer) for batch in batches)
    vectors = table["item_content"].chunk(0).values.buffers()[1]
    assert all(within(batch.embeddings["item_content"], vectors) for batch in batches)


def test_lists_and_embeddings_from_disk_alias_the_arrow_buffers_that_were_read(
    small_log_path, monkeypatch
):
    chunks = []
    convert = smt.data.batch._to_batch
    monkeypatch.setattr(
        smt.data.batch,
        "_to_batch",
        lambda chunk, *rest: chunks.append(chunk) or convert(chunk, *rest),
    )
    batches = read(open_log(small_log_path), batch_size=64)
    for batch, chunk in zip(batches, chunks, strict=True):
        lists = chunk.column("history").values.buffers()[1]
        assert within(batch.id_lists["history"].values(), lists)
        vectors = chunk.column("item_content").values.buffers()[1]
        assert within(batch.embeddings["item_content"], vectors)
    # A record that is read whole and cut into batches is not copied to be cut.
    addresses = {chunk.column("history").values.buffers()[1].address for chunk in chunks}
    assert len(addresses) < len(chunks)


def test_columns_that_are_not_asked_for_are_not_read(small_log, copied_log_path):
    wanted = {"user", "history", "like", "surface"}
    for window in ("train", "test"):
        corrupt(copied_log_path / window / "part-0.parquet", lambda _, name: name not in wanted)
    log = open_log(copied_log_path)
    options = {
        "features": ["user", "history"],
        "events": ["like"],
        "where": {"surface": (0, 1)},
        "batch_size": 300,
    }
    for ours, expected in zip(read(log, **options), read(small_log, **options), strict=True):
        assert_equal(ours, expected)
    with pytest.raises(OSError, match=r"\S"):
        read(log, features=["user_age"], events=["like"], batch_size=300)


def test_row_groups_that_the_filter_rules_out_are_not_read(small_log, copied_log_path):
    file = copied_log_path / "train" / "part-0.parquet"
    since = small_log.train["time"][256 * 3].as_py()
    assert small_log.train["time"][256 * 3 - 1].as_py() < since
    corrupt(file, lambda group, _: group < 3)
    log = open_log(copied_log_path)
    where = {"time": Range(at_least=since)}
    ours = read(log, "train", where=where, batch_size=500)
    expected = read(small_log, "train", skip=256 * 3, batch_size=500)
    assert sum(map(len, ours)) == len(small_log.train) - 256 * 3
    for left, right in zip(ours, expected, strict=True):
        assert_equal(left, right)
    with pytest.raises(OSError, match=r"\S"):
        read(log, "train", batch_size=500)


@settings(max_examples=30)
@given(st.integers(20, 900), st.integers(0, 900), st.sampled_from(FILTERS))
def test_disk_and_memory_give_the_same_batches_and_every_kept_row_once(
    small_log, small_log_path, batch_size, skip, where
):
    options = {"batch_size": batch_size, "skip": skip, "where": where}
    ours, theirs = read(open_log(small_log_path), **options), read(small_log, **options)
    for left, right in zip(ours, theirs, strict=True):
        assert_equal(left, right)
    named = ["item", "click", "history", "item_content", *where]
    rows = [
        row
        for row in small_log.test.select(named).to_pylist()
        if all(
            (c.at_least is None or row[n] >= c.at_least) and (c.below is None or row[n] < c.below)
            if isinstance(c, Range)
            else row[n] in (c if isinstance(c, tuple) else (c,))
            for n, c in where.items()
        )
    ][skip:]
    assert [len(batch) for batch in ours] == [
        min(batch_size, len(rows) - start) for start in range(0, len(rows), batch_size)
    ]
    items = [item for batch in ours for item in batch.ids["item"].values().tolist()]
    assert items == [row["item"] for row in rows]
    contents = [vector for batch in ours for vector in batch.embeddings["item_content"].tolist()]
    assert contents == [row["item_content"] for row in rows]
    clicks = [label for batch in ours for label in batch.labels[:, 0].tolist()]
    assert clicks == [row["click"] for row in rows]
    history = [
        each.tolist() for batch in ours for each in batch.id_lists["history"]["history"].to_dense()
    ]
    assert history == [row["history"] for row in rows]


@settings(max_examples=15)
@given(st.integers(2, 4), st.integers(40, 300), st.booleans())
def test_shards_partition_the_batches_and_take_equally_many_steps(
    small_log, small_log_path, world, batch_size, on_disk
):
    log = open_log(small_log_path) if on_disk else small_log
    whole = [batch for batch in read(log, batch_size=batch_size) if len(batch) == batch_size]
    rounds = len(whole) // world
    for rank in range(world):
        shard = read(log, batch_size=batch_size, shard=(rank, world))
        assert len(shard) == rounds
        for step, batch in enumerate(shard):
            assert_equal(batch, whole[step * world + rank])


def test_numeric_features_keep_their_order_and_their_missing_values(small_log):
    names = ["item_price", "user_budget", "user_age"]
    (batch,) = read(small_log, features=names, batch_size=10_000)
    expected = np.stack([small_log.test[name].to_numpy() for name in names], axis=1)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(batch.numeric.numpy(), expected)
    assert batch.ids.keys() == []


def test_steps_of_sequences_come_when_asked_for_and_have_their_lengths(small_log):
    (plain,) = read(small_log, features=["history"], batch_size=10_000)
    (batch,) = read(small_log, features=["history"], batch_size=10_000, steps=True)
    assert list(plain.id_lists) == ["history"]
    assert list(batch.id_lists) == ["history", "history_events", "history_times"]
    lengths = batch.id_lists["history"].lengths()
    for name in ("history_events", "history_times"):
        assert torch.equal(batch.id_lists[name].lengths(), lengths)
        flat = small_log.test[name].combine_chunks().flatten().to_pylist()
        assert batch.id_lists[name].values().tolist() == flat


def test_weights_are_those_of_the_weight_column_or_else_ones(small_log):
    schema = Schema(columns={"x": Numeric(), "w": Weight(), "click": Event(), "time": Timestamp()})
    table = pa.table(
        {
            "x": pa.array([1, 2, 3], pa.float32()),
            "w": pa.array([0.5, 2, 3], pa.float32()),
            "click": pa.array([0, 1, 0], pa.int8()),
            "time": pa.array([1, 2, 3], pa.int64()),
        }
    )
    for rows in (table, ds.dataset(table)):
        (batch,) = read_batches(rows, schema, features=["x"], events=["click"], batch_size=5)
        assert batch.weights.tolist() == [0.5, 2, 3]
    assert read(small_log, batch_size=7)[0].weights.tolist() == [1.0] * 7


def test_the_timestamps_come_with_the_steps_only(small_log, small_log_path):
    for log in (small_log, open_log(small_log_path)):
        (plain,) = read(log, features=["user"], batch_size=10_000)
        assert plain.timestamps is None
        batches = read(log, features=["user"], batch_size=300, steps=True)
        times = torch.cat([batch.timestamps for batch in batches])
        assert times.dtype == torch.int64
        assert times.tolist() == small_log.test["time"].to_pylist()


def with_transforms(schema):
    transforms = {
        "user_item": Cross(of=("user", "item"), num_ids=50),
        "age_bucket": Bucket(of="user_age", boundaries=(20, 40)),
    }
    return Schema(columns={**schema.columns, **transforms})


def test_transforms_are_replaced_by_their_sources_each_once(small_log):
    schema = with_transforms(small_log.schema)
    features = ["item_price", "user_item", "item", "age_bucket", "user_age", "item_price"]
    inputs = ["item_price", "user", "item", "user_age"]
    assert input_features(schema, features) == inputs
    assert columns_of(schema, features, ["like"]) == [*inputs, "like"]


def test_sources_of_transforms_are_read_as_if_they_had_been_asked_for(small_log):
    schema = with_transforms(small_log.schema)
    options = {"events": ["click"], "batch_size": 200, "steps": True}
    asked = read_batches(small_log.test, schema, features=["age_bucket", "user_item"], **options)
    plain = read_batches(small_log.test, schema, features=["user_age", "user", "item"], **options)
    for ours, theirs in zip(asked, plain, strict=True):
        assert_equal(ours, theirs)


def test_extra_columns_are_read_whether_or_not_they_are_features(small_log, small_log_path):
    names = ["surface", "time", "user"]
    for log in (small_log, open_log(small_log_path)):
        batches = read(log, features=["user"], extra=names, batch_size=300)
        assert list(batches[0].extra) == names
        for name in names:
            values = torch.cat([batch.extra[name] for batch in batches])
            assert values.dtype == torch.int64
            assert values.tolist() == small_log.test[name].to_pylist()
        assert batches[0].ids.keys() == ["user"]


def test_a_batch_moves_to_a_device_with_all_its_parts(small_log):
    (batch,) = read(small_log, extra=["surface"], steps=True, batch_size=10_000)
    moved = batch.to(torch.device("meta"))
    parts = [*parts_of(moved), moved.timestamps, moved.extra["surface"]]
    assert all(part.device.type == "meta" for part in parts)
    assert list(moved.id_lists) == list(batch.id_lists)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra": ["user_age"]}, "unknown extra column 'user_age'"),
        ({"features": ["usr"]}, "unknown feature 'usr'; did you mean 'user'"),
        ({"features": ["click"]}, "unknown feature 'click'"),
        ({"events": ["user"]}, "unknown event 'user'"),
        ({"where": {"surfac": 1}}, "filter on unknown column 'surfac'"),
    ],
)
def test_what_the_schema_lacks_is_refused_by_name(small_log, options, message):
    with pytest.raises(InputError, match=message):
        read(small_log, batch_size=10, **options)
