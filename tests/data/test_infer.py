import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from smt.data.schema import Schema
from smt.data.sources.infer import infer_schema
from smt.data.sources.table import read_table

ROWS = 120
START = 1_700_000_000
ROLES = {
    "label": [row % 2 for row in range(ROWS)],
    "timestamp": [START + row for row in range(ROWS)],
}


@pytest.fixture
def draft(tmp_path):
    """Columns -> (the text of the draft, its columns), of a Parquet file with a label and times."""

    def drafted(**columns):
        file = tmp_path / "rows.parquet"
        pq.write_table(pa.table({**ROLES, **columns}), file)
        text = infer_schema([file])
        return text, yaml.safe_load(text)["columns"]

    return drafted


def cycle(*values):
    return [values[row % len(values)] for row in range(ROWS)]


def test_whole_numbers_with_the_name_of_an_id_are_ids_with_room_to_grow(draft):
    text, columns = draft(movie_id=cycle(3, 99, 50))
    assert columns["movie_id"] == {
        "kind": "id",
        "num_ids": 120,
        "coding": "number",
        "side": "item",
    }
    assert "# 3 different, 3 to 99: num_ids leaves room for a fifth more" in text


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        (cycle("00ff", "1234", "5e10"), "hash"),
        (cycle(2**60, 2**61), "hash"),
        (cycle(7, 999_999_999), "hash"),
        (cycle(-7, 5), "hash"),
        (cycle(1.0, 2.0, None), "number"),
        (cycle("1", "2", "NULL"), "number"),
        (cycle("1", "2", "-1"), "number"),
    ],
)
def test_names_and_numbers_too_large_for_a_table_are_hashed(draft, values, coding):
    assert draft(item_id=values)[1]["item_id"]["coding"] == coding


def test_a_draft_tells_how_many_names_may_share_an_id(draft):
    text, _ = draft(user_id=cycle("u1", "u2", "u3", "u4"))
    assert "# 4 different names or numbers, hashed: about one in 25 shares its id" in text


def test_few_codes_far_from_zero_are_numbered(draft):
    assert draft(weekday=cycle(5040, 5046))[1]["weekday"] == {
        "kind": "id",
        "num_ids": 4,
        "coding": "dictionary",
    }


def test_the_first_id_of_persons_clusters_the_rows(draft):
    columns = draft(user_id=cycle(1, 2), member_id=cycle(1, 2))[1]
    assert columns["user_id"]["cluster"] is True
    assert "cluster" not in columns["member_id"]


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("userId", "user"),
        ("userid", "user"),
        ("user_active_degree", "user"),
        ("gender", "user"),
        ("item.brand", "item"),
        ("videoType", "item"),
        ("site_category", None),
        ("device_id", None),
    ],
)
def test_sides_are_told_by_the_first_word_that_tells(draft, name, side):
    assert draft(**{name: cycle("a", "b")})[1][name].get("side") == side


def test_amounts_are_numbers_and_their_unusual_values_are_told(draft):
    text, columns = draft(
        price=cycle("1.5", "NULL", "inf", "2"),
        age_count=cycle("25", "unknown", "31"),
        height=cycle(-1.0, 170.5, 160.25),
    )
    assert columns["price"]["missing"] == ["NULL", "inf", "-inf"]
    assert columns["age_count"] == {"kind": "numeric", "side": "user", "missing": ["unknown"]}
    assert "missing" not in columns["height"]
    assert "if it is no value, missing: [-1]" in text
    assert "'unknown' among numbers: taken for 'no value'; check" in text


def test_what_is_no_feature_is_left_out_with_its_reason(draft):
    text, columns = draft(
        **{"Unnamed: 0": list(range(ROWS))},
        request=[f"r{row}" for row in range(ROWS)],
        play_time_ms=list(range(1, ROWS + 1)),
        constant=cycle("x"),
        nothing=pa.nulls(ROWS),
        parts=[{"a": 1}] * ROWS,
        unlabel=[1 - value for value in ROLES["label"]],
        synopsis=[f"the {row} longest stories ever told, at length" for row in range(ROWS)],
        wait=pa.array([dt.timedelta(seconds=row) for row in range(ROWS)]),
    )
    assert columns.keys() == ROLES.keys()
    for reason in (
        "'Unnamed: 0': left out: the number of the row",
        "'request': left out: differs in every row",
        "'play_time_ms': left out: known only after the impression",
        "'constant': left out: is 'x' in every row",
        "'nothing': left out: has no value",
        "'parts': left out: is of the type struct",
        "'unlabel': left out: is the label 'label', or its opposite",
        "'synopsis': left out: reads as free text",
        "'wait': left out: durations",
    ):
        assert f"  # {reason}" in text


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([START + row for row in range(ROWS)], "s"),
        ([1000 * START + row for row in range(ROWS)], "ms"),
        ([10**6 * START + row for row in range(ROWS)], "us"),
        (cycle(20231114, 20231115), "yyyymmdd"),
        (cycle(23111400, 23111423), "yymmddhh"),
        (cycle("2023-11-14 22:13:20", "2023-11-15T00:00:00"), None),
        ([dt.datetime(2023, 11, 14, 22, 13, row % 60) for row in range(ROWS)], None),
    ],
)
def test_the_unit_of_times_is_told_by_their_years(draft, values, unit):
    text, columns = draft(timestamp=values)
    assert columns["timestamp"] == {"kind": "timestamp"} | ({"unit": unit} if unit else {})
    assert "# 2023-11-14" in text


def test_numbers_that_are_no_times_are_said_to_be(draft):
    text = draft(timestamp=range(ROWS))[0]
    assert "CHECK the unit: 0 to 119 are no times of logs as ms" in text


def test_numbers_that_may_be_of_two_units_are_to_be_decided(draft):
    text, columns = draft(timestamp=cycle(2023111400, 2023111423))
    assert columns["timestamp"] == {"kind": "timestamp"}
    assert "CHECK the unit, and say it: its numbers may be" in text


def test_one_of_several_columns_of_times_is_the_timestamp(draft):
    text, columns = draft(date=cycle("2023-11-14"), hour=cycle(*range(24)))
    assert "'date': left out: a time beside 'timestamp'" in text
    assert columns["hour"]["kind"] == "id"


def test_lists_are_told_in_every_writing(draft):
    columns = draft(
        genres=cycle("a|b", "", "b"),
        quoted=cycle("['a', 'b']", "[]"),
        numbers=cycle("1 2 3", "2 3", "1 3", "2", "3"),
        vector=[[0.5, float(row)] for row in range(ROWS)],
        city=cycle("Rome, Italy", "Oslo, Norway"),
    )[1]
    kinds = {name: columns[name]["kind"] for name in columns if name not in ROLES}
    assert kinds == {
        "genres": "id_list",
        "quoted": "id_list",
        "numbers": "id_list",
        "vector": "embedding",
        "city": "id",
    }
    assert columns["vector"]["dim"] == 2


def test_lists_as_languages_print_them_are_drafted_as_lists(draft):
    columns = draft(
        numpy=cycle("['a' 'b']", "['c']", "[]"),
        scala=cycle("List(a, b)", "List(c)", "List()"),
        sets=cycle("{'a', 'b'}", "set()", "{'b', 'c'}"),
    )[1]
    assert [columns[name]["kind"] for name in ("numpy", "scala", "sets")] == ["id_list"] * 3


def test_texts_that_look_like_lists_and_are_none_are_left_out(draft):
    text, columns = draft(
        cut=cycle("[1 2 ... 8 9]", "[1 2]"), objects=cycle('[{"a": 1}]', '[{"b": 2}]')
    )
    assert columns.keys() == ROLES.keys()
    assert "'cut': left out: the value '[1 2 ... 8 9]' is a list that was shortened" in text
    assert "'objects': left out: the value '[{\"a\": 1}]' is no list" in text


FLOATS = [2.0**24, 2.0**25]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pa.array(cycle([[1]], [[2], [3]])), "lists within lists"),
        (
            pa.array(cycle([dt.datetime(2023, 1, 1)], [dt.datetime(2023, 1, 2)] * 2)),
            "lists of what can be no ids: is of the type timestamp[us]",
        ),
        (pa.array(cycle([dt.timedelta(1)], [])), "lists of what can be no ids"),
        (pa.array(cycle(FLOATS, FLOATS[:1]), pa.list_(pa.float32())), "is a float too large"),
        (pa.array(cycle(*FLOATS), pa.float32()), "the id 16777216.0 is a float too large"),
        (pa.array(cycle(dt.datetime(1800, 1, 1), dt.datetime(1801, 1, 1))), "which is no id"),
        (pa.array(cycle(dt.time(1), dt.time(2))), "a time of day without a date"),
    ],
    ids=str,
)
def test_what_no_column_can_hold_is_left_out_with_its_reason(draft, values, reason):
    text, columns = draft(item_id=values, tab=values)
    assert "item_id" not in columns
    line = next(line for line in text.splitlines() if "'item_id': left out" in line)
    assert reason in line


def test_large_whole_floats_without_the_name_of_an_id_are_numbers(draft):
    columns = draft(views=pa.array(cycle(*FLOATS), pa.float32()))[1]
    assert columns["views"]["kind"] == "numeric"


@pytest.mark.parametrize("kind", [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal256(40, 2)])
def test_decimals_of_every_size_are_drafted(draft, kind):
    columns = draft(
        price=pa.array(cycle(Decimal("1.5"), Decimal(2)), kind),
        item_id=pa.array(cycle(Decimal(1), Decimal(2)), kind),
    )[1]
    assert (columns["price"]["kind"], columns["item_id"]["coding"]) == ("numeric", "number")


def test_a_history_shares_the_ids_of_its_items_and_has_its_times(draft):
    times = [[START + row - 9, START + row - 5][: row % 3] for row in range(ROWS)]
    text, columns = draft(
        item_id=cycle(1, 2, 3),
        age=cycle(1, 2, 3),
        hist_items=[[7, 3][: row % 3] for row in range(ROWS)],
        hist_times=times,
        clicked_items=cycle("3^1", "2", "1^2^3"),
    )
    assert columns["item_id"]["num_ids"] == 10
    assert columns["hist_items"] == {
        "kind": "sequence",
        "num_ids": 10,
        "side": "user",
        "timestamps": "hist_times",
        "unit": "s",
        "of": "item_id",
    }
    assert columns["clicked_items"]["order"] == "oldest_first"
    assert "CHECK the order: nothing in the files tells which step is the latest" in text


def test_a_rating_is_a_label_only_where_there_is_none(draft):
    text, columns = draft(rating=cycle(1.0, 10.0))
    assert columns.keys() == ROLES.keys()
    text, columns = draft(label=cycle("x", "y"), rating=cycle(1.0, 10.0))
    assert columns["rating_at_least_8"] == {"kind": "event"}
    assert "another number in the name is another threshold" in text


def test_labels_of_minus_one_and_one_are_made_labels(draft):
    assert draft(label=cycle(-1, 1))[1]["label_is_1"] == {"kind": "event"}


def test_what_a_log_needs_and_the_files_lack_is_to_do(draft):
    text = draft(label=cycle("x", "y"), timestamp=cycle("a", "b"))[0]
    assert "# TO DO: no column is the time of its row" in text
    assert "# TO DO: no column is known to be a label" in text


def test_a_column_that_a_file_lacks_is_left_out(tmp_path):
    pq.write_table(pa.table({**ROLES, "age": cycle(1.5)}), tmp_path / "a.parquet")
    pq.write_table(pa.table(ROLES), tmp_path / "b.parquet")
    assert "'age': left out: b.parquet does not have it" in infer_schema([tmp_path])


WORDS = ("a", "b c", "d,e", "7", "x|y", "NULL", "", "-1", "unknown", "Zoë", "0.5")
VALUES = [
    st.integers(-3, 40),
    st.integers(0, 2**62),
    st.floats(-1e9, 1e9),
    st.sampled_from(WORDS),
    st.booleans(),
    st.lists(st.integers(0, 40), max_size=3),
    st.lists(st.sampled_from(WORDS), max_size=3),
    st.lists(st.integers(0, 40).map(str), max_size=3).map("|".join),
    st.lists(st.integers(0, 40).map(str), max_size=3).map(" ".join),
    st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3),
    st.floats(-1e9, 1e9, width=32).map(np.float32),
    st.integers(0, 2**26).map(np.float32),
    st.lists(st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2040, 1, 1)), max_size=3),
    st.lists(st.lists(st.integers(0, 9), min_size=1), min_size=1, max_size=3),
    st.lists(st.sampled_from(WORDS), max_size=3).map(np.array).map(str),
    st.times(),
    st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2040, 1, 1)),
    st.dates(dt.date(2001, 1, 1), dt.date(2040, 1, 1)).map(str),
]
NAMES = (
    *("age", "user_id", "item_id", "history", "click_seq", "tags", "is_like", "price", "hour"),
    *("C1", "I2", "genres", "weight", "propensity", "page", "type", "device.ip", "on", "zip"),
)


@st.composite
def columns(draw):
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    pools = {
        name: draw(st.lists(draw(st.sampled_from(VALUES)), min_size=1, max_size=6))
        for name in names
    }
    order = np.random.default_rng(draw(st.integers(0, 99))).integers(6, size=ROWS)
    return {name: [pool[place % len(pool)] for place in order] for name, pool in pools.items()}


@given(columns())
def test_every_draft_with_a_label_and_times_reads_its_files(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("draft")
    pq.write_table(pa.table({**made, **ROLES}), folder / "rows.parquet")
    (folder / "schema.yaml").write_text(infer_schema([folder / "rows.parquet"]))
    source = read_table([folder / "rows.parquet"], folder / "schema.yaml")
    assert source.rows.num_rows == ROWS
    assert source.schema == Schema.load(folder / "schema.yaml")
