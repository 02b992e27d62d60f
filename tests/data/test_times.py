from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.times import read_step_times, read_times
from smt.errors import InputError

WHERE = "a.csv: column 'time'"
NOON = 1_714_564_800_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(values, **how):
    values = values if isinstance(values, pa.Array) else pa.array(values)
    times = read_times({WHERE: values}, **how)
    return times.milliseconds[WHERE].to_pylist()


def exact(moment):
    return (moment - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 12",
        "2024-05-01 12:00",
        "2024-05-01T12:00:00",
        "2024-05-01 12:00:00.0",
        "2024-05-01 12:00:00,000999999",
        "2024-05-01T12:00:00.000123456Z",
        "2024-05-01t12:00:00z",
        "2024-05-01 12:00:00 UTC",
        "2024-05-01 12:00:00.000123 GMT",
        "2024-05-01T14:00:00+02",
        "2024-05-01T14:00:00+0200",
        "2024-05-01 14:00:00 +02:00",
        "2024-05-01 06:30-0530",
        "20240501T120000Z",
        "20240501T1200",
        "20240501T140000.0009+0200",
        " 2024-05-01 12:00:00 ",
        "1714564800000",
        "1714564800000.0",
        "1714564800000.75",
        "1.7145648e+12",
        "+1714564800",
        "1714564800000999",
        "1714564800000999999",
    ],
)
def test_every_form_of_one_moment_is_its_milliseconds(text):
    assert read([text]) == [NOON]
    assert read([text, text]) == [NOON, NOON]


@given(
    st.datetimes(datetime(1500, 1, 1), datetime(2500, 1, 1)),
    st.sampled_from(["T", " "]),
    st.sampled_from(["", "Z", " UTC", "+02", "+0530", "-03:30"]),
    st.sampled_from([".", ","]),
    st.integers(0, 9),
)
def test_texts_are_what_datetime_makes_of_them(moment, between, zone, point, digits):
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M:%S").rjust(19, "0")
    nanos = f"{moment.microsecond:06d}000"
    fraction = point + nanos[:digits] if digits else ""
    shown = moment.replace(microsecond=int(nanos[:digits].ljust(6, "0")[:6]), tzinfo=UTC)
    offset = {"+02": 120, "+0530": 330, "-03:30": -210}.get(zone, 0)
    assert read([text + fraction + zone]) == [exact(shown - timedelta(minutes=offset))]


@given(
    st.datetimes(datetime(1960, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_arrow_timestamps_dates_texts_and_numbers_are_the_same_moments(moment, unit):
    moment = moment.replace(tzinfo=UTC)
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    count = (moment - EPOCH) // timedelta(microseconds=1) * ticks // 10**6
    cut = pa.array([count], pa.timestamp(unit))
    expected = count * 1000 // ticks
    assert read(cut) == read(cut.cast(pa.timestamp(unit, "Asia/Tokyo"))) == [expected]
    assert read([count], unit=unit) == read([str(count)], unit=unit) == [expected]
    assert read(cut.cast(pa.string())) == [expected]
    day = moment.date()
    midnight = [exact(datetime(day.year, day.month, day.day, tzinfo=UTC))]
    assert read([day]) == read(pa.array([day], pa.date64())) == read([str(day)]) == midnight
    assert read([int(day.strftime("%Y%m%d"))], unit="yyyymmdd") == midnight


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 3))
def test_seconds_with_a_fraction_are_cut_alike_as_floats_and_texts(milliseconds, digits):
    text = f"{milliseconds // 1000}.{milliseconds % 1000:03d}" + "9" * digits
    assert read([text], unit="s") == read([float(text)], unit="s") == [milliseconds]


@pytest.mark.parametrize(
    ("numbers", "unit", "times"),
    [
        ([1714564800, 1714564860], "s", [NOON, NOON + 60_000]),
        ([1714564800.25, 1714564860.0], "s", [NOON + 250, NOON + 60_000]),
        ([NOON, NOON + 1], "ms", [NOON, NOON + 1]),
        ([NOON * 1000 + 999], "us", [NOON]),
        ([NOON * 1_000_000], "ns", [NOON]),
        ([20240501, 20240430], "yyyymmdd", [1714521600000, 1714435200000]),
        ([14102100, 14102123], "yymmddhh", [1413849600000, 1413932400000]),
        ([9102100], "yymmddhh", [1256083200000]),
        (["09102100"], "yymmddhh", [1256083200000]),
    ],
)
def test_a_unit_that_fits_all_numbers_alone_is_told_and_said(numbers, unit, times):
    values = pa.array(numbers)
    result = read_times({WHERE: values})
    assert (result.unit, result.milliseconds[WHERE].to_pylist()) == (unit, times)
    assert read(values, unit=unit) == times
    said = [remark for remark in result.remarks if "numbers are taken as" in remark]
    assert len(said) == (unit != "ms")


@pytest.mark.parametrize(
    ("numbers", "units"),
    [
        ([2024050112, 2024050113], ("s", "yyyymmddhh")),
        ([20110405, 20110406], ("yyyymmdd", "yymmddhh")),
    ],
)
def test_numbers_that_may_be_of_two_units_are_asked_about(numbers, units):
    with pytest.raises(InputError, match=r"a\.csv: column 'time': its numbers may be") as error:
        read(numbers)
    for unit in units:
        assert f"`unit: {unit}`" in str(error.value)
        assert len(read(numbers, unit=unit)) == 2


def test_all_files_tell_the_unit_together():
    files = {
        "a.csv: column 'time'": pa.array(["20110405"]),
        "b.parquet: column 'time'": pa.array([20110431 - 1], pa.int32()),
    }
    result = read_times(files)
    assert result.unit == "yyyymmdd"
    assert [times.to_pylist() for times in result.milliseconds.values()] == [
        [exact(datetime(2011, 4, 5, tzinfo=UTC))],
        [exact(datetime(2011, 4, 30, tzinfo=UTC))],
    ]


def test_numbers_that_are_no_times_of_today_are_milliseconds_with_their_dates():
    result = read_times({WHERE: pa.array(range(6))})
    assert result.milliseconds[WHERE].to_pylist() == list(range(6))
    assert result.unit == "ms"
    (said,) = result.remarks
    assert "1970-01-01 00:00:00 to 1970-01-01 00:00:00.005" in said


@pytest.mark.parametrize(
    ("unit", "milliseconds"), [("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
)
def test_minutes_hours_and_days_are_read_where_the_schema_says_so(unit, milliseconds):
    assert read([3, -1], unit=unit) == [3 * milliseconds, -milliseconds]
    assert read([0.5], unit=unit) == [milliseconds // 2]


def test_a_zone_is_for_what_a_clock_shows_and_not_for_numbers_since_1970():
    zone = "Asia/Shanghai"
    morning = NOON - 4 * 3_600_000
    assert read(["2024-05-01 16:00:00", "2024-05-01T12:00:00+04:00"], zone=zone) == [
        NOON - 4 * 3_600_000,
        NOON - 4 * 3_600_000,
    ]
    assert read([2024050116], unit="yyyymmddhh", zone=zone) == [morning]
    assert read([datetime(2024, 5, 1, 16)], zone=zone) == [morning]
    assert read([date(2024, 5, 1)], zone=zone) == [1714521600000 - 8 * 3_600_000]
    assert read([NOON], zone=zone) == [NOON]


def test_times_without_a_zone_are_said_to_be_utc_unless_the_schema_says():
    texts = {WHERE: pa.array(["2024-05-01"])}
    assert "taken as UTC" in read_times(texts).remarks[0]
    assert read_times(texts, zone="UTC").remarks == ()
    assert read_times({WHERE: pa.array(["2024-05-01T12:00Z"])}).remarks == ()


def test_hours_that_clocks_showed_twice_or_skipped_are_read_as_documented_and_counted():
    zone = "Europe/Rome"
    result = read_times(
        {WHERE: pa.array(["2024-10-27 02:30", "2024-03-31 02:30", "2024-07-01 00:00"])}, zone=zone
    )
    rome = ZoneInfo(zone)
    expected = [
        datetime(2024, 10, 27, 2, 30, fold=0, tzinfo=rome),
        datetime(2024, 3, 31, 3, 0, tzinfo=rome),
        datetime(2024, 7, 1, tzinfo=rome),
    ]
    assert result.milliseconds[WHERE].to_pylist() == [exact(time) for time in expected]
    assert "2 times are in an hour" in result.remarks[0]


def test_what_is_missing_stays_missing():
    for values in (
        pa.array([None, "2024-05-01T12:00Z"]),
        pa.array([None, NOON]),
        pa.array([float("nan"), float(NOON)]),
        pa.array([None, NOON], pa.timestamp("ms")),
    ):
        assert read(values) == [None, NOON]
    assert read(pa.nulls(2)) == [None, None]
    assert read(pa.array([], pa.string())) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2024-05-01", "soon"], "the value 'soon' is no time; times are ISO 8601"),
        (["1", "soon"], "the value 'soon' is no time"),
        (["2024-05-01", "2024-02-30"], "the value '2024-02-30' is no time"),
        (["2024-05-01T24:30"], "is no time"),
        (["2024-W18-3"], "is no time"),
        (["2024-122"], "is no time"),
        (["2024-05-01", ""], "the value '' is no time"),
        (["2024-05-01", "5"], "holds the number '5' and the date '2024-05-01'"),
        ([1714564800, 1714564801, 0], "but 0 is none from 1990"),
        ([float("inf")], "the value inf is too large"),
        ([2.0**63], "is too large"),
        (["1e300"], "the value '1e300' is too large"),
        (pa.array([2**64 - 1], pa.uint64()), "the value 18446744073709551615 is too large"),
        ([True], "is of the Arrow type bool"),
        (pa.array([1], pa.duration("s")), "is of the Arrow type duration"),
    ],
)
def test_the_first_value_that_is_no_time_is_named(values, message):
    with pytest.raises(InputError, match=r"a\.csv: column 'time'.*" + message):
        read(values)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (2**62, "s"),
        (2**62, "d"),
        (20241301, "yyyymmdd"),
        (20240230, "yyyymmdd"),
        (14102124, "yymmddhh"),
    ],
)
def test_a_number_that_its_unit_cannot_be_is_named(value, unit):
    with pytest.raises(InputError, match=f"column 'time': the value {value} is"):
        read([value], unit=unit)


def test_files_that_write_times_differently_are_refused():
    files = {
        "a.csv: column 'time'": pa.array(["1"]),
        "b.csv: column 'time'": pa.array(["2024-05-01"]),
    }
    with pytest.raises(InputError, match=r"a\.csv.*numbers such as '1', and b\.csv.* dates"):
        read_times(files)


STEPS = "a.csv: column 'seen_times'"


def read_steps(values, moments, **how):
    times = read_step_times({STEPS: pa.array(values)}, {WHERE: pa.array(moments)}, **how)
    return times.unit, times.milliseconds[STEPS].to_pylist()


def test_steps_count_what_their_impressions_do_or_what_they_alone_can():
    assert read_steps([1714564700], [NOON], default="s") == ("s", [NOON - 100_000])
    assert read_steps([1714564700], [NOON]) == ("s", [NOON - 100_000])
    assert read_steps([1714564700, 0], [NOON], default="ms") == ("s", [NOON - 100_000, 0])
    assert read_steps([NOON - 5], [NOON], default="s") == ("ms", [NOON - 5])
    assert read_steps([1, 2], [5, 6]) == ("ms", [1, 2])
    assert read_steps([20110405], [NOON], default="yyyymmdd") == (
        "yyyymmdd",
        [exact(datetime(2011, 4, 5, tzinfo=UTC))],
    )
    assert read_steps([3], [NOON], unit="d") == ("d", [3 * 86_400_000])


def test_steps_that_are_ages_rather_than_times_are_refused():
    with pytest.raises(InputError, match=r"'seen_times': as milliseconds .* say `unit:`"):
        read_steps([30, 3600], [NOON, NOON])


def test_ten_thousand_texts_of_mixed_zones_are_what_datetime_says():
    rng = np.random.default_rng(0)
    moments = [
        EPOCH + timedelta(milliseconds=int(ms))
        for ms in rng.integers(-(10**12), 4 * 10**12, 10_000)
    ]
    zones = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))]
    texts = [moment.astimezone(zones[row % 3]).isoformat() for row, moment in enumerate(moments)]
    assert read(texts) == [exact(moment) for moment in moments]


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_times_in_a_float_that_rounds_them_are_refused_with_the_way_out(kind):
    first = {"float32": 1_714_564_800, "float16": 19_844}[kind]
    values = (first + 40 * np.arange(5)).astype(kind)
    for unit in ("s", "d", None):
        with pytest.raises(InputError) as error:
            read(values, unit=unit)
        message = str(error.value)
        assert message.startswith(f"{WHERE}: the value {float(values[0])!r} is a {kind} too large")
        assert message.endswith("write times as integers or float64")


def test_steps_in_a_float_that_rounds_them_are_refused():
    steps = np.array([NOON // 1000], np.float32)
    with pytest.raises(InputError, match="is a float32 too large to be exact"):
        read_step_times({WHERE: pa.array(steps)}, {WHERE: pa.array([NOON])}, unit="s")


def test_a_fraction_that_is_rounded_by_seconds_is_refused_and_a_whole_number_is_not():
    days = np.array([19_844, 19_844.25], np.float32)
    assert read(days[:1], unit="d") == [19_844 * 86_400_000]
    with pytest.raises(InputError, match=r"the value 19844\.25 is a float32 too large"):
        read(days, unit="d")
    assert read(days.astype(np.float64), unit="d")[1] == 19_844 * 86_400_000 + 21_600_000


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_small_floats_are_the_numbers_that_are_written_so(kind):
    values = np.array([0.1, 9.7, 2047], kind)
    assert read(values, unit="s") == [100, 9_700, 2_047_000]
