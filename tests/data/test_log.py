import json
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smt.data import (
    Log,
    Range,
    arrow_schema,
    open_log,
    read_batches,
    split_by_time,
    write_log,
)
from smt.data.columns import Bucket, Embedding, Event, Id, IdList, Numeric, Sequence, Timestamp
from smt.data.log import require_empty
from smt.data.schema import Schema
from smt.errors import InputError

SCHEMA = Schema(columns={"user": Id(num_ids=9), "click": Event(), "time": Timestamp()})


def table_of(times):
    return pa.table(
        {
            "user": pa.array(range(len(times)), pa.int64()),
            "click": pa.array([0] * len(times), pa.int8()),
            "time": pa.array(times, pa.int64()),
        }
    )


def test_a_log_on_disk_reads_back_as_it_was_written(small_log, small_log_path):
    again = open_log(small_log_path)
    assert again.schema == small_log.schema
    for window in ("train", "test"):
        ours, theirs = getattr(again, window).to_table(), getattr(small_log, window)
        assert ours.schema.equals(theirs.schema)
        for name in theirs.column_names:
            # By repr, to which one NaN is like another.
            assert repr(ours[name].to_pylist()) == repr(theirs[name].to_pylist()), name


def test_opening_a_log_reads_no_rows(small_log_path, tmp_path):
    for name in ("schema.yaml", "log.json"):
        (tmp_path / name).write_bytes((small_log_path / name).read_bytes())
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    log = open_log(tmp_path)
    assert log.train.files == []


def test_digest_is_of_the_content(small_log, small_log_path, tmp_path):
    train, test = (window.slice(0, 200) for window in (small_log.train, small_log.test))
    first, again, other = (
        write_log(tmp_path / name, small_log.schema, rows, test).digest
        for name, rows in (("a", train), ("b", train), ("c", train.slice(1)))
    )
    assert first == again
    assert first != other


def test_digest_tells_logs_apart_whose_standard_errors_differ(tmp_path):
    clustered = Schema(columns={**SCHEMA.columns, "user": Id(num_ids=9, cluster=True)})
    plain, other = (
        write_log(tmp_path / name, schema, table_of([1, 2]), table_of([3])).digest
        for name, schema in (("plain", SCHEMA), ("clustered", clustered))
    )
    assert plain != other


def test_a_folder_written_before_there_were_clusters_opens_as_it_was(tmp_path):
    written = write_log(tmp_path / "log", SCHEMA, table_of([1, 2]), table_of([3]))
    file = tmp_path / "log" / "schema.yaml"
    kept = [line for line in file.read_text().splitlines() if "cluster" not in line]
    assert len(kept) == len(file.read_text().splitlines()) - 1
    file.write_text("\n".join(kept))
    log = open_log(tmp_path / "log")
    assert (log.schema, log.digest) == (SCHEMA, written.digest)
    assert log.schema.cluster is None


def test_a_log_opens_by_uri(small_log_path):
    assert open_log(small_log_path.as_uri()).digest == open_log(small_log_path).digest


@pytest.mark.parametrize("name", ["schema.yaml", "log.json"])
def test_a_folder_that_is_no_log_is_named_with_what_it_lacks(small_log_path, tmp_path, name):
    other = "log.json" if name == "schema.yaml" else "schema.yaml"
    (tmp_path / other).write_bytes((small_log_path / other).read_bytes())
    with pytest.raises(InputError, match=f"{tmp_path}: not a log, it has no {name}"):
        open_log(tmp_path)


@pytest.mark.parametrize("window", ["train", "test"])
def test_a_truncated_or_missing_window_is_named(small_log_path, tmp_path, window):
    shutil.copytree(small_log_path, tmp_path / "log")
    (file,) = (tmp_path / "log" / window).iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    said = f"log/{window}: cannot be read; prepare the log again: .*part-0.parquet"
    with pytest.raises(InputError, match=said):
        open_log(tmp_path / "log")
    shutil.rmtree(tmp_path / "log" / window)
    with pytest.raises(InputError, match=f"log/{window}: cannot be read"):
        open_log(tmp_path / "log")


def test_a_window_that_is_damaged_inside_is_named_when_it_is_read(small_log_path, tmp_path):
    shutil.copytree(small_log_path, tmp_path / "log")
    (file,) = (tmp_path / "log" / "train").iterdir()
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    file.write_bytes(content)
    log = open_log(tmp_path / "log")
    with pytest.raises(InputError, match=r"part-0.parquet: cannot be read; prepare the log again"):
        log.load(log.schema.features)


def test_load_takes_each_column_once_and_one_chunk_each(small_log_path):
    loaded = open_log(small_log_path).load(["click", "user", "click"])
    for window in (loaded.train, loaded.test):
        assert window.column_names == ["click", "user"]
        assert all(column.num_chunks == 1 for column in window.columns)


def test_arrow_schema_has_the_type_of_each_kind():
    schema = Schema(
        columns={
            "n": Numeric(),
            "l": IdList(num_ids=3),
            "v": Embedding(dim=4),
            "e": Event(),
            "t": Timestamp(),
        }
    )
    fields = {field.name: field.type for field in arrow_schema(schema)}
    assert fields == {
        "n": pa.float32(),
        "l": pa.list_(pa.int64()),
        "v": pa.list_(pa.float32(), 4),
        "e": pa.int8(),
        "t": pa.int64(),
    }


def test_arrow_schema_has_steps_and_delays_but_no_transforms():
    schema = Schema(
        columns={
            "s": Sequence(num_ids=3, events="codes", timestamps="times"),
            "n": Numeric(),
            "b": Bucket(of="n", boundaries=(0,)),
            "e": Event(delay="wait"),
            "t": Timestamp(),
        }
    )
    fields = {field.name: field.type for field in arrow_schema(schema)}
    assert list(fields) == ["s", "codes", "times", "n", "e", "wait", "t"]
    assert (fields["codes"], fields["wait"]) == (pa.list_(pa.int64()), pa.int64())


@given(st.lists(st.integers(0, 12), min_size=2, max_size=40), st.floats(0.05, 0.9))
def test_split_is_between_the_two_moments_that_are_nearest_to_the_share(times, share):
    assume(len(set(times)) > 1)
    train, test = split_by_time(table_of(times), SCHEMA, share)
    before, after = train["time"].to_pylist(), test["time"].to_pylist()
    assert before + after == sorted(times)
    assert before[-1] < after[0]
    wanted = int(len(times) * (1 - share))
    counts = [sum(time < moment for time in times) for moment in sorted(set(times))[1:]]
    nearest = min(abs(count - wanted) for count in counts)
    assert len(before) == min(count for count in counts if abs(count - wanted) == nearest)
    rows = zip(train["user"].to_pylist() + test["user"].to_pylist(), before + after, strict=True)
    assert all(times[user] == time for user, time in rows)


def test_a_split_of_rows_in_order_keeps_those_of_one_moment_as_they_are():
    table = table_of([1, 1, 1, 1, 2])
    train, _ = split_by_time(table, SCHEMA, 0.2, ordered=True)
    assert train["user"].to_pylist() == [0, 1, 2, 3]


def test_a_log_of_one_moment_cannot_be_split():
    with pytest.raises(InputError, match="'time' has too few distinct values"):
        split_by_time(table_of([5, 5, 5]), SCHEMA, 0.2)


def test_writing_over_files_is_refused(tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        write_log(tmp_path, SCHEMA, table_of([1]), table_of([2]))
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
    with pytest.raises(InputError, match="is a file"):
        require_empty(tmp_path / "x")


def test_a_missing_column_and_nulls_are_refused_by_name(tmp_path):
    rows = table_of([1, 2])
    with pytest.raises(InputError, match="lacks the column 'click'"):
        write_log(tmp_path / "a", SCHEMA, rows.drop_columns("click"), rows)
    nulls = rows.set_column(0, "user", pa.array([None, 1], pa.int64()))
    with pytest.raises(InputError, match="column 'user' has 1 nulls"):
        write_log(tmp_path / "b", SCHEMA, nulls, rows)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_row_groups_without_rows_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match="row_group_rows is 0"):
        write_log(tmp_path / "a", SCHEMA, table_of([1]), table_of([2]), row_group_rows=0)
    assert not (tmp_path / "a").exists()


def test_log_json_holds_the_rows_and_the_sources_report(tmp_path):
    log = write_log(tmp_path / "a", SCHEMA, table_of([1, 2]), table_of([3]), {"source": "made"})
    content = json.loads((tmp_path / "a" / "log.json").read_text())
    assert content["rows"] == {"train": 2, "test": 1}
    assert content["report"] == log.report == {"source": "made"}


@pytest.mark.parametrize("place", ["in memory", "on disk"])
def test_what_is_held_out_is_the_end_of_the_training_window(place, small_log, small_log_path):
    log = small_log if place == "in memory" else open_log(small_log_path)
    held = log.hold_out(0.2).load([SCHEMA.timestamp, "user"])
    times = [window[SCHEMA.timestamp].to_numpy() for window in (held.train, held.test)]
    assert times[0].max() < times[1].min()
    joined = pa.concat_tables([held.train, held.test])
    assert joined.equals(small_log.train.select([SCHEMA.timestamp, "user"]).combine_chunks())
    assert len(times[1]) / len(small_log.train) == pytest.approx(0.2, abs=0.01)
    assert held.digest not in (log.digest, log.hold_out(0.5).digest)


def test_what_is_held_out_is_a_share_of_a_models_own_rows():
    table = table_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).set_column(
        0, "user", pa.array([1, 1, 1, 1, 1, 2, 2, 2, 2, 2], pa.int64())
    )
    log = Log(SCHEMA, table, table, "log")
    held = log.hold_out(0.4, {"user": 1})
    assert held.train["time"].to_pylist() == [1, 2, 3]
    assert held.test["time"].to_pylist() == [4, 5, 6, 7, 8, 9, 10]


def test_a_dataset_that_was_cut_reads_in_batches_like_a_table(small_log, small_log_path):
    batches = [
        [
            (batch.labels.tolist(), batch.ids.values().tolist())
            for window in (held.train, held.test)
            for batch in read_batches(
                window,
                small_log.schema,
                features=["user", "item"],
                events=["click"],
                where={"user": Range(below=150)},
                batch_size=100,
            )
        ]
        for held in (small_log.hold_out(0.3), open_log(small_log_path).hold_out(0.3))
    ]
    assert len(batches[0]) > 10
    assert batches[0] == batches[1]


def test_what_is_held_out_starts_at_the_moment_nearest_to_the_share():
    held = Log(SCHEMA, table_of([1, 2, 3, 3, 3, 3, 4]), table_of([9]), "log").hold_out(0.3)
    # Four rows before the cut were asked for; 2 and 6 are as near, and 2 holds out more.
    assert held.train["time"].to_pylist() == [1, 2]
    assert held.test["time"].to_pylist() == [3, 3, 3, 3, 4]


@pytest.mark.parametrize("times", [[], [5, 5, 5, 5]])
def test_a_window_of_too_few_moments_cannot_be_cut(times):
    log = Log(SCHEMA, table_of(times), table_of([9]), "log")
    with pytest.raises(InputError, match="'time' has too few distinct values to split the log"):
        log.hold_out(0.5)


def test_columns_with_dots_are_counted_cut_and_kept_apart(tmp_path):
    schema = Schema(
        columns={
            "l": IdList(num_ids=9),
            "l.list": Id(num_ids=9),
            "l.list.element": Id(num_ids=9),
            ".e": Event(),
            ".t": Timestamp(),
        }
    )
    rows = pa.table(
        {
            "l": pa.array([[1, 2, 3], [], [4], [5]], pa.list_(pa.int64())),
            "l.list": [1, 2, 3, 4],
            "l.list.element": [5, 6, 7, 8],
            ".e": [0, 1, 0, 1],
            ".t": [4, 3, 2, 1],
        }
    )
    log = write_log(tmp_path / "log", schema, *split_by_time(rows, schema, 0.5))
    assert log.train.to_table()["l.list"].to_pylist() == [4, 3]
    assert log.test.to_table(filter=pc.field("l.list") == 1)["l.list.element"].to_pylist() == [5]
    in_memory = log.load(schema.columns)
    for names in (["l.list"], ["l.list.element", ".e"], ["l"]):
        assert log.memory(names) == pytest.approx(in_memory.memory(names), abs=8)
        assert log.load(names).train.column_names == names
