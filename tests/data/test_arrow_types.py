from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from smt.data.sources.arrow_types import TEXT, list_of, plain
from smt.errors import InputError

NAMES = ["a", None, "b", "a"]
LISTS = [[1, 2], None, [], [3]]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(NAMES),
        pa.array(NAMES, pa.large_string()),
        pa.array(NAMES, pa.string_view()),
        pa.array(NAMES).dictionary_encode(),
        pa.array(NAMES, pa.binary()),
        pa.array(NAMES, pa.binary_view()),
        pa.array(NAMES, pa.binary(1)),
        pc.run_end_encode(pa.array(NAMES)),
        pa.chunked_array([NAMES[:2], NAMES[2:]]),
        pa.array(["x", *NAMES]).slice(1),
    ],
    ids=str,
)
def test_every_type_of_text_is_one(values):
    array = plain(values, "f")
    assert array.type == TEXT
    assert array.to_pylist() == NAMES


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.large_list(pa.int16()),
        pa.list_view(pa.int64()),
        pa.large_list_view(pa.int32()),
    ],
    ids=str,
)
def test_every_type_of_list_is_one(kind):
    array = plain(pa.array([[9], *LISTS], kind).slice(1), "f")
    assert pa.types.is_list(array.type)
    assert array.to_pylist() == LISTS


def test_vectors_of_one_size_are_lists_too():
    array = plain(pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)), "f")
    assert array.to_pylist() == [[1, 2], None, [3, 4]]


def test_texts_within_lists_are_plain_as_well():
    array = plain(pa.array([["a"], None], pa.list_(pa.string_view())), "f")
    assert array.type == pa.list_(TEXT)


def test_numbers_and_times_stay_as_they_are():
    for array in (
        pa.array([1, None], pa.uint64()),
        pa.array([Decimal("1.50"), None]),
        pa.array([0], pa.timestamp("us", "UTC")),
        pa.array([0], pa.date32()),
        pa.array([0], pa.duration("ns")),
        pa.array([True]),
        pa.array([1.5, None], pa.float16()),
        pa.nulls(2),
    ):
        assert plain(array, "f").equals(array)


def test_a_uuid_is_its_text():
    uuid = UUID(int=7)
    assert plain(pa.array([uuid.bytes, None], pa.uuid()), "f").to_pylist() == [str(uuid), None]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (pa.array([{"a": 1}]), r"struct<a: int64>"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "map<string, int64>"),
        (pa.array([[{"a": 1}]]), r"struct<a: int64>"),
        (pa.array([1], pa.time32("s")), r"time32\[s\]"),
    ],
    ids=str,
)
def test_a_type_that_no_column_can_be_is_one_sentence(values, named):
    with pytest.raises(InputError, match=rf"^a.parquet: column 'x': is of the type {named}"):
        plain(values, "a.parquet: column 'x'")


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(InputError, match="no UTF-8"):
        plain(pa.array([b"\xff"]), "f")


def test_lists_are_made_of_lengths():
    lists = list_of(pa.array([1, 2, 3]), pa.array([2, None, 1]), pa.array([False, True, False]))
    assert lists.to_pylist() == [[1, 2], None, [3]]


def test_small_decimals_become_those_that_arrow_compares():
    for kind in (pa.decimal32(5, 2), pa.decimal64(15, 2)):
        array = plain(pa.array([Decimal("1.50"), None], kind), "f")
        assert array.type == pa.decimal128(kind.precision, 2)
        assert array.to_pylist() == [Decimal("1.50"), None]


@pytest.mark.parametrize("outer", [pa.list_, pa.large_list, pa.list_view])
def test_lists_within_lists_are_refused(outer):
    values = pa.array([[[1], [2]]], outer(pa.list_(pa.int64())))
    with pytest.raises(InputError, match=r"^f: .* lists within lists"):
        plain(values, "f")


@pytest.mark.parametrize("kind", [pa.time32("ms"), pa.time64("us")])
def test_a_time_of_day_is_refused_as_one_without_a_date(kind):
    with pytest.raises(InputError, match=r"^f: is of the type time.*a time of day without a date"):
        plain(pa.nulls(1, kind), "f")
