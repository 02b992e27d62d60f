"""Predictions of another system are joined by ids and times as raw files have them."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smt.data.schema import Schema
from smt.data.sources.outside_scores import check_outside_scores, read_outside_scores
from smt.data.sources.raw_rows import Codings
from smt.data.sources.table import read_table
from smt.errors import InputError

SCHEMA = {
    "time": {"kind": "timestamp"},
    "user": {"kind": "id", "num_ids": 50},
    "city": {"kind": "id", "num_ids": 40, "coding": "hash"},
    "shop": {"kind": "id", "num_ids": 9, "coding": "dictionary"},
    "tab": {"kind": "surface", "num_ids": 3, "names": ["home", "shelf"]},
    "click": {"kind": "event"},
}
RAW = """time,user,city,shop,tab,click
2024-05-01T10:00:00Z,7,Bonn,b,home,0
2024-05-02T10:00:00Z,,Köln,a,shelf,1
2024-05-03T10:00:00Z,8,,,home,0
"""
ON = ("user", "city", "shop", "tab", "time")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    Schema.model_validate({"columns": SCHEMA}).dump(folder / "schema.yaml")
    (folder / "log.csv").write_text(RAW)
    return read_table([folder / "log.csv"], folder / "schema.yaml")


@pytest.fixture
def written(tmp_path):
    """(rows) -> where they are as Parquet."""

    def write(*rows, names=("time", "user", "city", "shop", "tab", "score")):
        columns = {name: [row[name] for row in rows] for name in names}
        pq.write_table(pa.table(columns), tmp_path / "scores.parquet")
        return str(tmp_path / "scores.parquet")

    return write


def row(day, user, city, shop, tab, score):
    time = datetime(2024, 5, day, 10, tzinfo=UTC)
    return {"time": time, "user": user, "city": city, "shop": shop, "tab": tab, "score": score}


FIRST = row(1, "7", "Bonn", "b", "home", 0.5)
SECOND = row(2, None, "Köln", "a", "shelf", 0.25)
THIRD = row(3, "8.0", "", None, "home", 0.125)


def read(source, file, on=ON):
    codings = Codings(source.schema, source.reading, source.dictionaries)
    return read_outside_scores(file, on, {"click": "score"}, codings)


def test_rows_have_the_keys_that_the_log_has(source, written):
    """Times are times here, and texts in the log's file."""
    found = read(source, written(FIRST, SECOND, THIRD))
    scores = dict(
        zip(
            zip(*(found.table[key].to_pylist() for key in found.keys), strict=True),
            found.table["least0"].to_pylist(),
            strict=True,
        )
    )
    log = zip(*(source.rows[name].to_pylist() for name in ON), strict=True)
    assert [scores[key] for key in log] == [0.5, 0.25, 0.125]
    assert found.table["most0"].to_pylist() == found.table["least0"].to_pylist()
    assert found.hashed == ["city"]


def test_what_the_log_does_not_know_is_of_none_of_its_rows(source, written):
    strangers = [
        {**FIRST, "shop": "unheard of"},
        {**FIRST, "user": "51"},
        {**FIRST, "user": "anonymous"},
        {**FIRST, "tab": "garden"},
        {**THIRD, "shop": "new"},
    ]
    assert len(read(source, written(FIRST, *strangers)).table) == 1


def test_rows_alike_are_one_with_their_least_and_most_score(source, written):
    again = {**FIRST, "score": 0.75}
    table = read(source, written(FIRST, again, SECOND, {**SECOND, "score": None})).table
    found = {row["least0"]: row for row in table.to_pylist()}
    assert (found[0.5]["most0"], found[0.5]["finite0"]) == (0.75, True)
    assert (found[0.25]["most0"], found[0.25]["finite0"]) == (0.25, False)


def test_an_impression_is_said_in_raw_ids(source, written):
    found = read(source, written(FIRST))
    keys = [found.table[key][0].as_py() for key in found.keys]
    city = keys[1]
    assert found.said(keys) == (
        f"user 7, city hashed to {city}, shop b, tab home, 2024-05-01T10:00:00.000Z"
    )
    assert found.said([7, 0, 0, 1, 0]).startswith("user 7, no city, no shop, tab shelf, 1970-")


def test_a_folder_of_files_is_one(source, written, tmp_path):
    file = written(FIRST)
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in ("a", "b"):
        (folder / f"{part}.parquet").write_bytes((tmp_path / "scores.parquet").read_bytes())
    assert read(source, str(folder)).table.equals(read(source, file).table)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time": "yesterday"}, "scores.parquet: column 'time'"),
        ({"user": 7.5}, "scores.parquet: column 'user': the value 7.5 is no whole number"),
    ],
)
def test_a_value_that_can_be_no_id_or_time_is_refused(wrong, message, source, written):
    file = written({**FIRST, **wrong})
    with pytest.raises(InputError, match=message):
        read(source, file)


def test_what_is_told_without_a_row_is_refused_before_any_is_read(written, tmp_path):
    file = written(FIRST)
    check_outside_scores(file, ON, {"click": "score"})
    with pytest.raises(InputError, match=r"scores.parquet: lacks the column 'p_click'"):
        check_outside_scores(file, ON, {"click": "p_click"})
    with pytest.raises(InputError, match=r"lacks the column 'item'"):
        check_outside_scores(file, ["item"], {"click": "score"})
    with pytest.raises(InputError, match=r"column 'city' must hold numbers, not string"):
        check_outside_scores(file, ON, {"click": "city"})
    with pytest.raises(InputError, match=r"none.parquet: no such file"):
        check_outside_scores(str(tmp_path / "none.parquet"), ON, {"click": "score"})
    (tmp_path / "text.parquet").write_text("user,score\n")
    with pytest.raises(InputError, match=r"text.parquet: is no Parquet"):
        check_outside_scores(str(tmp_path / "text.parquet"), ON, {"click": "score"})
