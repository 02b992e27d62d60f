"""One table, written in many dialects and spread over files in any way, is one log."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smt.data.sources import store
from smt.data.sources.table import read_table
from smt.errors import InputError

SCHEMA = {
    "time": {"kind": "timestamp"},
    "user": {"kind": "id", "num_ids": 100, "coding": "number"},
    "city": {"kind": "id", "num_ids": 1000, "coding": "hash"},
    "item": {"kind": "id", "num_ids": 50, "coding": "dictionary"},
    "history": {
        "kind": "sequence",
        "num_ids": 50,
        "of": "item",
        "timestamps": "history_times",
        "separator": "|",
    },
    "tags": {"kind": "id_list", "num_ids": 20, "coding": "number"},
    "price": {"kind": "numeric"},
    "click": {"kind": "event"},
}
COLUMNS = [*SCHEMA, "history_times"]
START = datetime(2024, 5, 1, 12, tzinfo=UTC)
"""Written times are whole seconds, so that every unit holds them."""

rows = st.fixed_dictionaries(
    {
        "user": st.none() | st.integers(0, 99),
        "city": st.none() | st.sampled_from(["Rome", "Oslo", "São Paulo", "7"]),
        "item": st.none() | st.integers(0, 9),
        "history": st.lists(st.integers(0, 9), max_size=3),
        "tags": st.lists(st.integers(0, 19), max_size=3),
        "price": st.none() | st.floats(-1e6, 1e6, width=32),
        "click": st.booleans(),
    }
)


def finished(drawn):
    """Rows with times of their own, and histories with those of their steps before them."""
    return [
        {
            "time": START + timedelta(seconds=number // 2),
            **row,
            "history_times": [
                START - timedelta(hours=place + 1) for place in range(len(row["history"]))
            ],
        }
        for number, row in enumerate(drawn)
    ]


def as_csv(path, table):
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for row in table:
            writer.writerow(
                [
                    row["time"].isoformat(),
                    "" if row["user"] is None else f"{row['user']}.0",
                    r"\N" if row["city"] is None else row["city"],
                    -1 if row["item"] is None else row["item"],
                    "|".join(map(str, row["history"])),
                    json.dumps(row["tags"]),
                    "NaN" if row["price"] is None else repr(row["price"]),
                    row["click"],
                    "|".join(f"{time:%Y-%m-%d %H:%M:%S}" for time in row["history_times"]),
                ]
            )


def columns_of(table, names):
    return {name: [row[name] for row in table] for name in names}


def as_pandas(path, table):
    """Floats for whole numbers with missing ones, nanoseconds, NaN, plain lists."""
    columns = columns_of(table, COLUMNS)
    nan = float("nan")
    made = {
        "time": pa.array(columns["time"], pa.timestamp("ns", "UTC")),
        "user": pa.array([nan if user is None else user for user in columns["user"]], pa.float64()),
        "city": pa.array(columns["city"], pa.large_string()),
        "item": pa.array([nan if item is None else item for item in columns["item"]], pa.float64()),
        "history": pa.array(columns["history"], pa.list_(pa.int64())),
        "history_times": pa.array(columns["history_times"], pa.list_(pa.timestamp("ns", "UTC"))),
        "tags": pa.array(columns["tags"], pa.list_(pa.int64())),
        "price": pa.array([nan if price is None else price for price in columns["price"]]),
        "click": pa.array(columns["click"]),
    }
    pq.write_table(pa.table(made), path)


def as_polars(path, table):
    """Unsigned numbers, views, dictionaries, large lists, microseconds without a zone."""
    columns = columns_of(table, COLUMNS)
    naive = [time.replace(tzinfo=None) for time in columns["time"]]
    steps = [[time.replace(tzinfo=None) for time in times] for times in columns["history_times"]]
    made = {
        "time": pa.array(naive, pa.timestamp("us")),
        "user": pa.array(columns["user"], pa.uint32()),
        "city": pa.array(columns["city"], pa.large_string()).dictionary_encode(),
        "item": pa.array(columns["item"], pa.int16()),
        "history": pa.array(columns["history"], pa.large_list(pa.uint8())),
        "history_times": pa.array(steps, pa.large_list(pa.timestamp("us"))),
        "tags": pa.array(columns["tags"], pa.large_list(pa.int64())),
        "price": pa.array(columns["price"], pa.float32()),
        "click": pa.array(columns["click"]),
    }
    pq.write_table(pa.table(made), path)


def as_spark(path, table):
    """Decimals, epoch seconds, texts for names, labels as int."""
    columns = columns_of(table, COLUMNS)
    whole = pa.decimal128(20, 0)
    made = {
        "time": pa.array([int(time.timestamp()) for time in columns["time"]]),
        "user": pa.array([u if u is None else Decimal(u) for u in columns["user"]], whole),
        "city": pa.array(columns["city"]),
        "item": pa.array([i if i is None else str(i) for i in columns["item"]]),
        "history": pa.array([[str(i) for i in items] for items in columns["history"]]).cast(
            pa.list_(pa.string())
        ),
        "history_times": pa.array(
            [[int(time.timestamp()) for time in times] for times in columns["history_times"]],
            pa.list_(pa.int64()),
        ),
        "tags": pa.array([" ".join(map(str, tags)) for tags in columns["tags"]]),
        "price": pa.array(columns["price"], pa.float64()),
        "click": pa.array([int(click) for click in columns["click"]], pa.int32()),
    }
    pq.write_table(pa.table(made), path)


DIALECTS = {
    "csv": (".csv", as_csv),
    "pandas": (".parquet", as_pandas),
    "polars": (".parquet", as_polars),
    "spark": (".parquet", as_spark),
}


def written(
    folder: Path, dialect: str, tables: list[list[dict]], schema: dict[str, dict] = SCHEMA
) -> bytes:
    """What the log of these files is, to the byte."""
    folder.mkdir()
    ending, write = DIALECTS[dialect]
    files = []
    for number, table in enumerate(table for table in tables if table):
        files.append(folder / f"{number}{ending}")
        write(files[-1], table)
    (folder / "schema.yaml").write_text(yaml.safe_dump({"columns": schema}))
    store(read_table(files, folder / "schema.yaml"), folder / "log", test_share=0.3)
    windows = ("train", "test")
    return b"".join((folder / "log" / window / "part-0.parquet").read_bytes() for window in windows)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(rows, min_size=4, max_size=12), st.data())
def test_dialect_and_files_do_not_change_the_log(tmp_path_factory, drawn, data):
    table = finished(drawn)
    tmp_path = tmp_path_factory.mktemp("dialects")
    expected = written(tmp_path / "one", "csv", [table])
    for dialect in DIALECTS:
        shuffled = data.draw(st.permutations(table))
        cut = data.draw(st.integers(0, len(table)))
        assert written(tmp_path / dialect, dialect, [shuffled[:cut], shuffled[cut:]]) == expected


odd_rows = st.fixed_dictionaries(
    {
        "user": st.none() | st.integers(0, 120),
        "city": st.none() | st.sampled_from(["Rome", "Oslo", "7", "07", "NA", "true", "8"]),
        "item": st.none() | st.integers(0, 9),
        "history": st.lists(st.integers(0, 60), max_size=3),
        "tags": st.lists(st.integers(0, 25), max_size=3),
        "price": st.none() | st.floats(width=32),
        "click": st.booleans(),
    }
)
TOLD = {
    name: {key: value for key, value in column.items() if key != "coding"}
    for name, column in SCHEMA.items()
}
"""The same columns; how their ids are coded is told from all of their values."""


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.lists(odd_rows, min_size=4, max_size=9), st.data())
def test_a_table_is_one_log_or_one_sentence_in_every_dialect(tmp_path_factory, drawn, data):
    table = finished(drawn)
    tmp_path = tmp_path_factory.mktemp("odd")
    outcomes, sentences = {}, {}
    for dialect in DIALECTS:
        cut = data.draw(st.integers(0, len(table)))
        try:
            outcomes[dialect] = written(
                tmp_path / dialect, dialect, [table[:cut], table[cut:]], TOLD
            )
        except InputError as error:
            sentences[dialect] = str(error)
    for dialect, sentence in sentences.items():
        names_file_and_column = re.match(
            r"^\S+\.(?:csv|parquet): column '(\w+)': [^\n]+$", sentence
        )
        assert names_file_and_column, sentence
        outcomes[dialect] = names_file_and_column.group(1)
    assert len(set(outcomes.values())) == 1, outcomes


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_dialect_holds_what_was_written(tmp_path, dialect):
    table = finished(
        [
            {
                "user": number or None,
                "city": ["Rome", None, "7"][number % 3],
                "item": number,
                "history": [number, 9],
                "tags": [number],
                "price": 0.5 * number,
                "click": number % 2 == 1,
            }
            for number in range(8)
        ]
    )
    written(tmp_path / "log", dialect, [table])
    source = read_table(
        sorted((tmp_path / "log").glob("*.[cp]*")), tmp_path / "log" / "schema.yaml"
    )
    assert source.rows["user"].to_pylist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert source.rows["tags"].to_pylist() == [[number] for number in range(8)]
    assert source.rows["click"].to_pylist() == [0, 1] * 4
    assert source.rows["time"][0].as_py() == int(START.timestamp() * 1000)
    assert [len(steps) for steps in source.rows["history"].to_pylist()] == [2] * 8
    assert source.reading.ids["item"].coding == "dictionary"
