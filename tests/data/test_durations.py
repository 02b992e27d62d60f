from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sources.durations import read_durations
from smt.errors import InputError

WHERE = "a.csv: column 'wait'"
NOON = 1_714_564_800_000


def read(values, moment=NOON, **how):
    values = values if isinstance(values, pa.Array) else pa.array(values)
    moments = {WHERE: pa.array([moment] * len(values), pa.int64())}
    times = read_durations({WHERE: values}, moments, **how)
    return times.milliseconds[WHERE].to_pylist()


@given(st.integers(0, 10**15), st.sampled_from(["us", "ns", "ms", "s"]))
def test_durations_and_numbers_of_their_unit_are_the_same_milliseconds(ticks, unit):
    a_second = {"us": 10**6, "ns": 10**9, "ms": 10**3, "s": 1}[unit]
    expected = [ticks * 1000 // a_second, None]
    assert read(pa.array([ticks, None], pa.duration(unit))) == expected
    assert read([ticks, None], moment=0, unit=unit) == expected


@given(st.timedeltas(timedelta(0), timedelta(days=400)))
def test_texts_of_days_and_a_clock_are_read_as_pandas_writes_them(wait):
    hours, rest = divmod(wait.seconds, 3600)
    text = f"{wait.days} days {hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{wait.microseconds:06d}"
    assert read([text, None]) == [wait // timedelta(milliseconds=1), None]


def test_a_clock_alone_is_a_delay():
    assert read(["00:01:30", "100:00:00"]) == [90_000, 360_000_000]


@pytest.mark.parametrize(
    ("default", "unit", "milliseconds", "said"),
    [
        (None, "ms", 90, "milliseconds"),
        ("yyyymmdd", "ms", 90, "milliseconds"),
        ("ms", "ms", 90, "milliseconds, as the timestamp is"),
        ("s", "s", 90_000, "seconds, as the timestamp is"),
    ],
)
def test_what_numbers_without_a_unit_are_taken_as_is_always_said(default, unit, milliseconds, said):
    for values in (pa.array([None, 90]), pa.array([None, "90"])):
        times = read_durations({WHERE: values}, {WHERE: pa.array([NOON, NOON])}, default=default)
        assert times.milliseconds[WHERE].to_pylist() == [None, milliseconds]
        assert (times.unit, times.remarks) == (
            unit,
            (f"column 'wait': delays are taken as {said}; `unit:` of the event can say another",),
        )


@pytest.mark.parametrize("values", [pa.array([90], pa.duration("s")), ["00:01:30"], [None]])
def test_delays_that_say_themselves_what_they_count_need_no_remark(values):
    values = values if isinstance(values, pa.Array) else pa.array(values)
    assert read_durations({WHERE: values}, {WHERE: pa.array([NOON])}).remarks == ()


def test_a_unit_of_the_event_is_taken_without_a_remark():
    assert read([1.5], unit="s", default="ms") == [1500]
    assert read(["2"], unit="h") == [7_200_000]
    moments = {WHERE: pa.array([NOON])}
    assert read_durations({WHERE: pa.array([1])}, moments, unit="s", default="ms").remarks == ()


@pytest.mark.parametrize("count", [1, 1000, 1_000_000])
def test_times_of_events_are_no_delays(count):
    with pytest.raises(InputError, match=r"'wait': holds times, .* so subtract"):
        read([0, (NOON + 5_000) * count // 1000])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([datetime(2024, 5, 1)]), "holds times .* so subtract"),
        (pa.array(["2024-05-01"]), "the value '2024-05-01' is no delay"),
        (pa.array(["5", "soon"]), "the value '5' is no delay|the value 'soon' is no delay"),
        (pa.array([True]), "is of the Arrow type bool, which is no delay"),
        (pa.array([float("inf")]), "the value inf is too large"),
    ],
)
def test_what_is_no_delay_is_named(values, message):
    with pytest.raises(InputError, match=r"a\.csv: column 'wait': " + message):
        read(values)


def test_calendar_digits_are_no_unit_of_delays():
    with pytest.raises(InputError, match="a delay cannot count `unit: yyyymmdd`"):
        read([1], unit="yyyymmdd")


def test_delays_in_a_float_that_rounds_them_are_refused():
    wrong = np.array([2**24 + 2], np.float32)
    with pytest.raises(InputError, match=r"16777218\.0 is a float32 too large to be exact"):
        read(pa.array(wrong), unit="ms")
    assert read(pa.array(np.array([90.1, 2**23], np.float32)), unit="s") == [90_100, 2**23 * 1000]
