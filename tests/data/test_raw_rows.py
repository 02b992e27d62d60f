"""Raw rows at serving are coded as the files of a log are."""

import math

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.coding import flat
from smt.data.schema import Schema
from smt.data.sources.raw_rows import Codings, code_rows
from smt.data.sources.table import read_table
from smt.errors import InputError

SCHEMA = {
    "time": {"kind": "timestamp"},
    "user": {"kind": "id", "num_ids": 50},
    "city": {"kind": "id", "num_ids": 40, "coding": "hash"},
    "shop": {"kind": "id", "num_ids": 9, "coding": "dictionary"},
    "tab": {"kind": "surface", "num_ids": 3, "names": ["home", "NA", "7"]},
    "tags": {"kind": "id_list", "num_ids": 30, "coding": "hash"},
    "seen": {
        **{"kind": "sequence", "num_ids": 9, "of": "shop"},
        **{"events": "how", "num_events": 3, "timestamps": "when", "unit": "ms"},
    },
    "price": {"kind": "numeric", "missing": ["-", "inf"]},
    "vector": {"kind": "embedding", "dim": 2},
    "click": {"kind": "event"},
}
ROWS = [
    {
        **{"time": "2024-05-01T10:00:00Z", "user": "7", "city": "Bonn", "shop": "b", "tab": "home"},
        **{"tags": "x|y", "seen": "a|b", "how": "0|2", "when": "5|4", "price": "1.5"},
        **{"vector": "1|2", "click": "0"},
    },
    {
        **{"time": "2024-05-02T10:00:00Z", "user": "", "city": "null", "shop": "a", "tab": "NA"},
        **{"tags": "", "seen": "", "how": "", "when": "", "price": "-"},
        **{"vector": "0|-1e3", "click": "1"},
    },
    {
        **{"time": "2024-05-03T10:00:00Z", "user": "8.0", "city": "Köln", "shop": "", "tab": "7"},
        **{"tags": "x|NULL", "seen": "b", "how": "1", "when": "9", "price": ""},
        **{"vector": "3|4", "click": "0"},
    },
]
FEATURES = ("user", "city", "shop", "tab", "tags", "seen", "price", "vector")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    Schema.model_validate({"columns": SCHEMA}).dump(folder / "schema.yaml")
    lines = [",".join(SCHEMA) + ",how,when"]
    lines += [",".join(row[name] for name in (*SCHEMA, "how", "when")) for row in ROWS]
    (folder / "log.csv").write_text("\n".join(lines))
    return read_table([folder / "log.csv"], folder / "schema.yaml")


@pytest.fixture(scope="module")
def codings(source):
    return Codings(source.schema, source.reading, source.dictionaries)


def columns(rows):
    return {name: pa.array([row[name] for row in rows]) for name in rows[0]}


def one(**changed):
    """The first row with other raw values."""
    return pa.table({**columns(ROWS[:1]), **{name: pa.array([v]) for name, v in changed.items()}})


def test_rows_are_coded_as_the_log_was(source, codings):
    coded = code_rows(pa.table(columns(ROWS)), (*FEATURES, "time"), codings)
    for name in coded.table.column_names:
        found, expected = flat(coded.table[name]), flat(source.rows[name])
        assert found.type == expected.type
        assert repr(found.to_pylist()) == repr(expected.to_pylist()), name
    assert not any(coded.unknown.values())
    assert coded.missing == {
        **{"user": 1, "city": 1, "shop": 1, "tab": 0, "tags": 2, "seen": 1, "price": 2},
        **{"vector": 0, "time": 0},
    }


@given(st.lists(st.sampled_from(range(3)), max_size=6))
def test_what_a_row_becomes_depends_on_no_other_row(source, codings, places):
    rows = pa.table(columns(ROWS)).take(pa.array(places, pa.int64()))
    coded = code_rows(rows, FEATURES, codings).table
    expected = source.rows.take(pa.array(places, pa.int64()))
    for name in coded.column_names:
        assert repr(coded[name].to_pylist()) == repr(expected[name].to_pylist())


@pytest.mark.parametrize(
    ("name", "value", "coded", "unknown"),
    [
        ("user", "49", 49, 0),
        ("user", 49, 49, 0),
        ("user", 49.0, 49, 0),
        ("user", "50", 0, 1),
        ("user", -1, 0, 0),
        ("user", "-1", 0, 0),
        ("user", -2, 0, 1),
        ("user", "Anna", 0, 1),
        ("user", 2.5, 0, 1),
        ("user", 2.0**60, 0, 1),
        ("user", "0", 0, 0),
        ("shop", "b", 2, 0),
        ("shop", "c", 0, 1),
        ("tab", "7", 2, 0),
        ("tab", 7, 2, 0),
        ("tab", "search", 0, 1),
        ("seen", "a|zoo", [1, 0], 1),
        ("seen", ["a", "b"], [1, 2], 0),
        ("price", 3, 3.0, 0),
        ("price", float("-inf"), math.nan, 1),
        ("price", "cheap", math.nan, 1),
        ("vector", [0.5, 1.0], [0.5, 1.0], 0),
        ("vector", [0.5], [0.0, 0.0], 1),
        ("vector", [0.5, math.nan], [0.0, 0.0], 1),
    ],
)
def test_what_the_log_does_not_know_is_missing_and_counted(codings, name, value, coded, unknown):
    steps = {"how": [0, 1], "when": [5, 4]} if name == "seen" else {}
    found = code_rows(one(**{name: value}, **steps), FEATURES, codings)
    assert repr(found.table[name][0].as_py()) == repr(coded)
    assert found.unknown[name] == unknown


def test_one_bad_row_in_many_is_missing_alone(codings):
    rows = pa.concat_tables([pa.table(columns(ROWS))] * 40)
    place = rows.column_names.index("price")
    prices = rows["price"].to_pylist()
    prices[57] = "cheap"
    coded = code_rows(rows.set_column(place, "price", pa.array(prices)), ("price",), codings)
    expected = [1.5, math.nan, math.nan] * 40
    expected[57] = math.nan
    assert repr(coded.table["price"].to_pylist()) == repr(expected)
    assert coded.unknown == {"price": 1}
    assert coded.missing == {"price": 80}


def test_steps_that_do_not_fit_each_other_are_no_history(codings):
    coded = code_rows(one(when="1"), ("seen",), codings)
    assert coded.table.to_pylist() == [{"seen": [], "how": [], "when": []}]
    assert coded.unknown == {"seen": 1}


def test_codes_of_steps_that_are_not_known_stay_and_are_counted(codings):
    coded = code_rows(one(how="3|-1"), ("seen",), codings)
    assert coded.table["how"].to_pylist() == [[3, -1]]
    assert coded.unknown == {"seen": 2}


def test_no_value_is_missing_whatever_the_kind(codings):
    nothing = pa.table({name: pa.nulls(2) for name in columns(ROWS)})
    coded = code_rows(nothing, FEATURES, codings)
    row = coded.table.slice(1).to_pylist()[0]
    assert math.isnan(row.pop("price"))
    assert row == {
        **{"user": 0, "city": 0, "shop": 0, "tab": 0, "tags": [], "seen": [], "how": []},
        **{"when": [], "vector": [0.0, 0.0]},
    }
    assert coded.missing == dict.fromkeys(FEATURES, 2)
    assert not any(coded.unknown.values())


def test_no_rows_are_coded_to_none(codings):
    coded = code_rows(pa.table(columns(ROWS)).slice(0, 0), FEATURES, codings)
    assert len(coded.table) == 0
    assert pc.sum(pa.array([*coded.unknown.values(), *coded.missing.values()])).as_py() == 0


def test_a_column_that_is_not_there_or_can_never_fit_is_refused(codings):
    rows = pa.table(columns(ROWS))
    with pytest.raises(InputError, match="the rows lack the column 'user'; did you mean 'usr'"):
        code_rows(rows.rename_columns({"user": "usr"}), FEATURES, codings)
    parts = pa.array([{"x": 1}] * 3)
    with pytest.raises(InputError, match="the rows: column 'user': is of the type struct"):
        code_rows(rows.set_column(1, "user", parts), FEATURES, codings)
    times = pa.array([0] * 3, pa.timestamp("ms"))
    place = rows.column_names.index("price")
    with pytest.raises(InputError, match="column 'price': is of the type timestamp"):
        code_rows(rows.set_column(place, "price", times), FEATURES, codings)


def test_a_dictionary_that_is_gone_is_named(source):
    with pytest.raises(
        InputError, match="the dictionary of column 'shop' is not at hand, so 'seen'"
    ):
        code_rows(one(), ("seen",), Codings(source.schema, source.reading, {}))
