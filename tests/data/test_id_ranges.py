import json

import pyarrow as pa
import pytest

from smt.data import open_log, write_log
from smt.data.coding import Dictionary
from smt.data.columns import Event, Id, IdList, Sequence, Timestamp
from smt.data.dictionaries import open_dictionaries
from smt.data.id_ranges import largest_ids
from smt.data.schema import Schema
from smt.errors import InputError

SCHEMA = Schema(
    columns={
        "user": Id(num_ids=4),
        "tags": IdList(num_ids=3),
        "steps": Sequence(num_ids=9, events="codes", num_events=2),
        "click": Event(),
        "time": Timestamp(),
    }
)


def rows(**changed):
    return pa.table(
        {
            "user": [0, 3],
            "tags": [[2], []],
            "steps": [[8], []],
            "codes": [[1], []],
            "click": [0, 1],
            "time": [1, 2],
        }
        | changed
    )


def test_the_largest_id_of_each_column_is_told():
    assert largest_ids(rows(), SCHEMA) == {"user": 3, "tags": 2, "steps": 8, "codes": 1}
    assert largest_ids(rows(tags=[[], []]).cast(rows().schema), SCHEMA)["tags"] == -1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("user", [4, 0]),
        ("user", [-1, 0]),
        ("tags", [[1], [3]]),
        ("steps", [[9], []]),
        ("codes", [[2], []]),
    ],
)
def test_an_id_outside_its_range_is_refused_before_a_log_is_written(tmp_path, column, values):
    with pytest.raises(InputError, match=rf"column '{column}' holds the id -?\d, which is outside"):
        write_log(tmp_path / "log", SCHEMA, rows(), rows(**{column: values}))
    assert not (tmp_path / "log").exists()


def test_a_schema_that_was_edited_below_the_ids_is_refused_at_opening(tmp_path):
    write_log(tmp_path / "log", SCHEMA, rows(), rows())
    schema = tmp_path / "log" / "schema.yaml"
    schema.write_text(schema.read_text().replace("num_ids: 4", "num_ids: 3"))
    with pytest.raises(InputError, match=r"'user' holds the id 3, which is outside \[0, 3\)"):
        open_log(tmp_path / "log")


def test_a_log_whose_ids_were_never_checked_is_refused(tmp_path):
    write_log(tmp_path / "log", SCHEMA, rows(), rows())
    record = tmp_path / "log" / "log.json"
    kept = json.loads(record.read_text())
    del kept["largest_ids"]
    record.write_text(json.dumps(kept))
    with pytest.raises(InputError, match=r"log.json: does not say that ids were checked"):
        open_log(tmp_path / "log")


def test_dictionaries_are_kept_beside_the_log(tmp_path):
    known = {"user": Dictionary(pa.array(["a", "b"])), "tags": Dictionary(pa.array(["x"]))}
    write_log(tmp_path / "log", SCHEMA, rows(), rows(), dictionaries=known)
    opened = open_dictionaries(tmp_path / "log")
    assert {name: each.values.to_pylist() for name, each in opened.items()} == {
        "user": ["a", "b"],
        "tags": ["x"],
    }
    write_log(tmp_path / "other", SCHEMA, rows(), rows())
    assert open_dictionaries(tmp_path / "other") == {}
