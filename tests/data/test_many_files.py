"""Many files, of differing formats, columns' orders and types, are one log or one sentence."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from smt.data.sources.table import read_table
from smt.errors import InputError

SCHEMA = """
columns:
  time: {kind: timestamp, unit: ms}
  click: {kind: event}
  user: {kind: id, num_ids: 50}
  age: {kind: numeric}
  day: {kind: id, num_ids: 40}
  seen: {kind: id_list, num_ids: 50, of: user, separator: '|'}
"""
ROWS = 60


@pytest.fixture
def schema(tmp_path):
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    return tmp_path / "schema.yaml"


def rows(seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(50, size=(ROWS, 2)).tolist()
    return pa.table(
        {
            "time": 1_700_000_000_000 + 1000 * (ROWS * seed + np.arange(ROWS)),
            "click": rng.integers(2, size=ROWS),
            "user": pa.array(rng.integers(1, 50, size=ROWS), mask=rng.random(ROWS) < 0.2),
            "age": rng.integers(90, size=ROWS),
            "seen": pa.array(numbers, pa.list_(pa.int64())),
        }
    )


def as_texts(table):
    seen = ["|".join(map(str, ids)) for ids in table["seen"].to_pylist()]
    return table.set_column(4, "seen", pa.array(seen))


def csv_bytes(table):
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(table, sink)
    return sink.getvalue().to_pybytes()


def test_a_folder_of_all_formats_is_the_log_of_one_file(tmp_path, schema):
    parts = [rows(seed) for seed in range(4)]
    folders = [tmp_path / "log" / f"day={day}" for day in range(4)]
    for folder in folders:
        folder.mkdir(parents=True)
    user_as_floats = parts[0].set_column(2, "user", parts[0]["user"].cast(pa.float64()))
    pq.write_table(user_as_floats, folders[0] / "a.parquet")
    reordered = parts[1].select(["seen", "age", "user", "click", "time"])
    user_as_names = reordered.set_column(2, "user", reordered["user"].cast(pa.string()))
    pq.write_table(
        user_as_names.set_column(1, "age", reordered["age"].cast(pa.int8())),
        folders[1] / "b.parquet",
    )
    (folders[2] / "c.csv.gz").write_bytes(gzip.compress(csv_bytes(as_texts(parts[2]))))
    fourth = as_texts(parts[3]).select(["click", "time", "seen", "user", "age"])
    compressed = pa.compress(csv_bytes(fourth), "zstd", asbytes=True)
    (folders[3] / "d.csv.zst").write_bytes(compressed)
    days = np.repeat(np.arange(4), ROWS)
    pq.write_table(
        pa.concat_tables(parts).append_column("day", pa.array(days)), tmp_path / "one.parquet"
    )
    many, one = (
        read_table([tmp_path / "log"], schema),
        read_table([tmp_path / "one.parquet"], schema),
    )
    assert many.rows.equals(one.rows)
    assert many.reading.ids == one.reading.ids


def test_many_small_files_in_any_order_given_are_one_log(tmp_path, schema):
    table = as_texts(rows(0)).append_column("day", pa.array([1] * ROWS))
    files = []
    for row in range(ROWS):
        names = np.random.default_rng(row).permutation(table.column_names)
        files.append(tmp_path / f"part-{row:05d}")
        files[-1].write_bytes(csv_bytes(table.slice(row, 1).select(names.tolist())))
    pq.write_table(table, tmp_path / "one.parquet")
    one = read_table([tmp_path / "one.parquet"], schema)
    assert read_table(files[::-1], schema).rows.equals(one.rows)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (
            "user",
            [f"u{row}" for row in range(ROWS)],
            "'user': .* mixes numbers such as .* and names such as 'u0'",
        ),
        ("age", ["old"] * ROWS, "'age': the value 'old' cannot be read as float"),
        ("age", [{"a": 1}] * ROWS, "'age': is of the type struct"),
        ("click", [[0]] * ROWS, "'click': is of the type list"),
    ],
)
def test_a_column_whose_type_differs_is_refused_by_name(tmp_path, schema, column, values, message):
    table = rows(0).append_column("day", pa.array([1] * ROWS))
    place = table.column_names.index(column)
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table.set_column(place, column, pa.array(values)), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=rf"\.parquet: column {message}"):
        read_table([tmp_path / "a.parquet", tmp_path / "b.parquet"], schema)
