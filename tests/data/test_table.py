import csv
import json
import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from smt.data.coding import Hashing
from smt.data.sources import store
from smt.data.sources.table import read_table
from smt.errors import InputError

SCHEMA = {
    "user": {"kind": "id", "num_ids": 100},
    "city": {"kind": "id", "num_ids": 1000},
    "age": {"kind": "numeric"},
    "tags": {"kind": "id_list", "num_ids": 50},
    "words": {"kind": "id_list", "num_ids": 1000},
    "vector": {"kind": "embedding", "dim": 2},
    "seen": {"kind": "sequence", "num_ids": 100, "events": "seen_events"},
    "page": {"kind": "surface", "num_ids": 2, "names": ["home", "shop"]},
    "weight": {"kind": "weight"},
    "click": {"kind": "event"},
    "time": {"kind": "timestamp"},
}


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text(yaml.safe_dump({"columns": SCHEMA}))
    return path


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return [
        {
            "user": int(rng.integers(1, 100)),
            "city": ["Rome", "Oslo", None][int(rng.integers(3))],
            "age": [None, 31.5, 40.0][int(rng.integers(3))],
            "tags": rng.integers(50, size=rng.integers(4)).tolist(),
            "words": [["red", "blue", "green"][code] for code in rng.integers(3, size=2)],
            "vector": [float(row), 0.5],
            "seen": list(range(row % 3)),
            "seen_events": [1] * (row % 3),
            "page": ["home", "shop"][row % 2],
            "weight": 1.5,
            "click": int(rng.random() < 0.3),
            "time": 1_700_000_000_000 + 1_000 * row,
            "ignored": "x",
        }
        for row in range(60)
    ]


def write_parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_csv(path, rows, separator="|"):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: separator.join(map(str, value)) if isinstance(value, list) else value
                    for name, value in row.items()
                }
            )
    return path


def test_a_table_becomes_a_log(rows, schema, tmp_path):
    source = read_table([write_parquet(tmp_path / "a.parquet", rows)], schema)
    log = store(source, tmp_path / "out", test_share=0.2)
    table = pa.concat_tables([log.train.to_table(), log.test.to_table()])
    assert log.test.count_rows() == 12
    for name in ("user", "tags", "seen", "seen_events", "vector", "weight", "click", "time"):
        assert table[name].to_pylist() == [row[name] for row in rows]
    assert table["page"].to_pylist() == [0, 1] * 30
    for found, row in zip(table["age"].to_pylist(), rows, strict=True):
        assert math.isnan(found) if row["age"] is None else found == row["age"]
    for found, row in zip(table["city"].to_pylist(), rows, strict=True):
        assert (found == 0) == (row["city"] is None)
    assert len(set(table["city"].to_pylist())) == 3


def test_csv_and_parquet_make_the_same_log(rows, schema, tmp_path):
    columnar = read_table([write_parquet(tmp_path / "a.parquet", rows)], schema).rows
    text = read_table([write_csv(tmp_path / "a.csv", rows)], schema).rows
    other = read_table([write_csv(tmp_path / "b.csv", rows, ";")], schema, separator=";").rows
    for name in columnar.column_names:
        for found in (text, other):
            if name == "age":
                np.testing.assert_array_equal(found[name].to_numpy(), columnar[name].to_numpy())
            else:
                assert found[name].to_pylist() == columnar[name].to_pylist(), name


def test_names_hash_to_the_same_id_in_any_process_and_file(rows, schema, tmp_path):
    table = read_table([write_csv(tmp_path / "a.csv", rows)], schema).rows
    # Written down once: an id that changed would silently break trained tables.
    assert {
        row["city"]: code for row, code in zip(rows, table["city"].to_pylist(), strict=True)
    } == {"Rome": 362, "Oslo": 325, None: 0}


def test_numbers_in_one_file_and_names_in_another_are_refused_until_the_schema_says(
    rows, schema, tmp_path
):
    numbers = [{**row, "city": "7"} for row in rows]
    files = [write_csv(tmp_path / "a.csv", numbers), write_csv(tmp_path / "b.csv", rows)]
    with pytest.raises(InputError, match=r"a\.csv: column 'city': the value '7' stands among"):
        read_table(files, schema)
    hashed = {**SCHEMA, "city": {**SCHEMA["city"], "coding": "hash"}}
    schema.write_text(yaml.safe_dump({"columns": hashed}))
    together = read_table(files, schema).rows["city"].to_pylist()
    alone = read_table(files[:1], schema).rows["city"].to_pylist()
    assert together[:60] == alone
    assert set(alone) == {Hashing(1000)(pa.array(["7"])).to_pylist()[0]}


@pytest.mark.parametrize(
    "text", ["2024-05-01T12:00:00", "2024-05-01 12:00:00", "2024-05-01T14:00:00+02:00"]
)
def test_iso_times_are_milliseconds_utc(rows, schema, tmp_path, text):
    rows = [{**row, "time": text} for row in rows]
    times = read_table([write_csv(tmp_path / "a.csv", rows)], schema).rows["time"]
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert set(times.to_pylist()) == {int(noon.timestamp() * 1000)}


def test_plain_dates_and_arrow_timestamps_are_times_too(rows, schema, tmp_path):
    dates = [{**row, "time": "2024-05-01"} for row in rows]
    stamps = [{**row, "time": datetime(2024, 5, 1)} for row in rows]
    midnight = {1_714_521_600_000}
    files = write_csv(tmp_path / "a.csv", dates), write_parquet(tmp_path / "a.parquet", stamps)
    for file in files:
        assert set(read_table([file], schema).rows["time"].to_pylist()) == midnight


def test_the_profile_is_kept_with_the_log(rows, schema, tmp_path):
    source = read_table([write_csv(tmp_path / "a.csv", rows)], schema)
    store(source, tmp_path / "out", test_share=0.2)
    report = json.loads((tmp_path / "out" / "log.json").read_text())["report"]
    columns = {column["name"]: column for column in report["columns"]}
    assert columns["age"]["missing"] == sum(row["age"] is None for row in rows)
    assert columns["city"]["missing"] == sum(row["city"] is None for row in rows)
    assert (columns["page"]["missing"], columns["page"]["distinct"]) == (0, 2)
    assert columns["tags"]["missing"] == sum(not row["tags"] for row in rows)
    assert columns["tags"]["distinct"] == len({tag for row in rows for tag in row["tags"]})
    assert columns["click"]["base_rate"] == pytest.approx(np.mean([row["click"] for row in rows]))
    assert columns["time"]["rows"] == 60
    assert columns["time"]["first"] == "2023-11-14 22:13:20"
    assert columns["time"]["last"] == "2023-11-14 22:14:19"
    assert (columns["age"]["first"], columns["age"]["last"]) == (None, None)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "old", r"column 'age': the value 'old' cannot be read as float"),
        ("click", "2", r"column 'click': the value '2' is not 0 or 1"),
        ("click", "", r"column 'click': a value is missing"),
        ("time", "soon", r"column 'time': the value 'soon' is no time"),
        ("time", "", r"column 'time': a value is missing"),
        ("user", "100", r"column 'user': the value 100 is outside \[0, 100\)"),
        ("tags", "3|99", r"column 'tags': the value 99 is outside \[0, 50\)"),
        ("page", "cart", r"column 'page': the value 'cart' is not one of home, shop"),
        ("page", "", r"column 'page': a value is missing"),
        ("vector", "1|2|3", r"column 'vector': the value \[1.0, 2.0, 3.0\] is not a list of 2"),
        ("vector", "", r"column 'vector': a value is not a list of 2 numbers"),
        ("seen_events", "1|1|1|1", r"'seen_events': .*another length than its sequence"),
        ("weight", "-1", r"column 'weight': the value -1.0 must be not negative"),
    ],
)
def test_the_first_value_that_does_not_fit_is_named(rows, schema, tmp_path, column, value, message):
    rows[5][column] = rows[41][column] = value
    file = write_csv(tmp_path / "mine.csv", rows)
    with pytest.raises(InputError, match=rf"mine\.csv: .*{message}"):
        read_table([file], schema)


def test_a_missing_column_is_named_with_the_closest(rows, schema, tmp_path):
    without = [
        {("weights" if name == "weight" else name): row[name] for name in row} for row in rows
    ]
    for file in (
        write_csv(tmp_path / "a.csv", without),
        write_parquet(tmp_path / "a.parquet", without),
    ):
        with pytest.raises(InputError, match=r"lacks the column 'weight'.*did you mean 'weights'"):
            read_table([file], schema)


def test_a_log_without_its_label_is_refused(rows, schema, tmp_path):
    without = [{name: row[name] for name in row if name != "click"} for row in rows]
    with pytest.raises(InputError, match=r"a\.csv: lacks the label 'click'"):
        read_table([write_csv(tmp_path / "a.csv", without)], schema)
    schema.write_text(
        yaml.safe_dump({"columns": {k: v for k, v in SCHEMA.items() if k != "click"}})
    )
    with pytest.raises(InputError, match=r"schema\.yaml: names no column of kind 'event'"):
        read_table([write_csv(tmp_path / "a.csv", rows)], schema)


@pytest.fixture
def rich_schema(tmp_path):
    """The schema with a delayed event, bounded event codes and a transform."""
    columns = {
        **SCHEMA,
        "click": {"kind": "event", "delay": "click_delay"},
        "seen": {**SCHEMA["seen"], "num_events": 4},
        "ages": {"kind": "bucket", "of": "age", "boundaries": [35]},
    }
    path = tmp_path / "rich.yaml"
    path.write_text(yaml.safe_dump({"columns": columns}))
    return path


def with_delays(rows):
    return [{**row, "click_delay": 50 if row["click"] else None} for row in rows]


def test_delays_are_read_and_transforms_are_not(rows, rich_schema, tmp_path):
    rows = with_delays(rows)
    for file in (write_csv(tmp_path / "a.csv", rows), write_parquet(tmp_path / "a.parquet", rows)):
        source = read_table([file], rich_schema)
        delays = source.rows["click_delay"].to_pylist()
        assert delays == [50 * row["click"] for row in rows]
        assert "ages" not in source.rows.column_names
        log = store(source, tmp_path / f"out{file.suffix}", test_share=0.2)
        assert "click_delay" in log.train.schema.names


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seen": [1], "seen_events": [4]}, r"'seen_events': the value 4 is outside \[0, 4\)"),
        ({"click": 1, "click_delay": None}, "'click_delay': a value is missing"),
        ({"click": 1, "click_delay": -5}, "'click_delay': the value -5 is negative"),
        ({"click": 0, "click_delay": 5}, "the value 5 is the delay of what did not happen"),
    ],
)
def test_a_step_or_delay_that_does_not_fit_is_named(rows, rich_schema, tmp_path, changed, message):
    rows = with_delays(rows)
    rows[5] |= changed
    with pytest.raises(InputError, match=message):
        read_table([write_parquet(tmp_path / "a.parquet", rows)], rich_schema)


def test_other_files_are_refused_by_name(schema, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.parquet").write_text("not parquet")
    for name, message in (
        ("a.json", r"must end in \.csv"),
        ("b.parquet", "b.parquet"),
        ("c", "no such"),
    ):
        with pytest.raises(InputError, match=message):
            read_table([tmp_path / name], schema)
