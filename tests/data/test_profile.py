import pyarrow as pa

from smt.data.columns import Event, Timestamp, Value
from smt.data.reading import NOT_READ
from smt.data.schema import Schema
from smt.data.sources.profile import profile_columns, profile_table

SCHEMA = Schema(columns={"click": Event(), "time": Timestamp()})


def profile(times):
    rows = pa.table(
        {"click": pa.array([0] * len(times), pa.int8()), "time": pa.array(times, pa.int64())}
    )
    return profile_columns(rows, SCHEMA, NOT_READ)


def test_the_first_and_last_time_are_dates():
    columns = profile([1_714_564_800_123, 1_714_564_800_000])
    assert [(column.first, column.last) for column in columns] == [
        (None, None),
        ("2024-05-01 12:00:00", "2024-05-01 12:00:00.123"),
    ]
    assert profile_table(columns).caption == (
        "time: 2024-05-01 12:00:00 to 2024-05-01 12:00:00.123 UTC"
    )


def test_absurd_times_are_said_to_be():
    for times, year in (([0, 1_714_564_800_000], "1970"), ([1_714_564_800_000_000], "56302")):
        caption = profile_table(profile(times)).caption
        assert f"{year}-" in caption
        assert "not within 1990 to 2100: is its unit right?" in caption


def test_a_log_without_rows_has_no_first_time():
    columns = profile([])
    assert columns[1].first is None
    assert not profile_table(columns).caption


def test_a_value_has_the_share_of_what_is_above_0_and_a_mean():
    schema = Schema(columns={"watched": Value(), "time": Timestamp()})
    rows = pa.table(
        {"watched": pa.array([0, 0.5, 7.5, 0], pa.float32()), "time": pa.array([10**12] * 4)}
    )
    columns = profile_columns(rows, schema, NOT_READ)
    assert (columns[0].base_rate, columns[0].mean) == (0.5, 2.0)
    assert profile_table(columns).caption.endswith("; watched: mean 2")
