"""Numbers that stand for times: read exactly, and what they may count."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.columns import Unit
from smt.data.sources.narrow_floats import as_meant, refuse_rounded
from smt.data.sources.time_texts import clock_text
from smt.errors import InputError

NUMBER = r"^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?\s*$"
"""A text that is a number."""
FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Times of logs are from the first to before the last, where their unit is to be told."""
UNIT_MEANINGS: dict[Unit, str] = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "min": "minutes since 1970",
    "h": "hours since 1970",
    "d": "days since 1970",
    "yyyymmdd": "the digits of dates, yyyymmdd",
    "yymmddhh": "the digits of hours, yymmddhh",
    "yyyymmddhh": "the digits of hours, yyyymmddhh",
}
CALENDAR_UNITS: tuple[Unit, ...] = ("yyyymmdd", "yymmddhh", "yyyymmddhh")
TOLD_UNITS: tuple[Unit, ...] = ("s", "ms", "us", "ns", *CALENDAR_UNITS)
"""Units that numbers can be told to have; minutes, hours and days look like other things."""
_FACTORS: dict[Unit, int] = {"s": 1000, "ms": 1, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DIVISORS: dict[Unit, int] = {"us": 1000, "ns": 1_000_000}
_NANO = 1_000_000_000
_INT64 = np.iinfo(np.int64)


@dataclass(frozen=True)
class Numbers:
    """N numbers, exact to a billionth.

    Attributes:
        whole: `[N]`, the number rounded down.
        nanos: `[N]`, how many billionths it is above that.
    """

    whole: NDArray[np.int64]
    nanos: NDArray[np.int64]


def read_numbers(values: pa.Array, where: str) -> Numbers:
    """Numbers without null, of an Arrow integer or float type or texts that match `NUMBER`.

    A float is the shortest number that is written so, as it is in a text file.

    Raises:
        InputError: A number is infinite, beyond 64 bits, or a narrow float too large to be exact.
    """
    if pa.types.is_integer(values.type):
        given = values.to_numpy()
        if (given > _INT64.max).any():
            raise _too_large(int(given[given > _INT64.max][0]), where)
        return Numbers(given.astype(np.int64), np.zeros(len(given), np.int64))
    if pa.types.is_floating(values.type):
        refuse_rounded(values, np.inf, where)
        return _read_floats(as_meant(values), where)
    return _read_texts(pc.utf8_trim_whitespace(values.cast(pa.string())), where)


def to_milliseconds(numbers: Numbers, unit: Unit, where: str) -> NDArray[np.int64]:
    """Milliseconds, rounded down; of calendar digits, as if clocks had shown UTC.

    Raises:
        InputError: A number is beyond 64 bits, or its digits are no date.
    """
    if unit in CALENDAR_UNITS:
        times, valid = _calendar(numbers, unit)
        if not valid.all():
            wrong = int(numbers.whole[~valid][0])
            raise InputError(f"{where}: the value {wrong} is not {UNIT_MEANINGS[unit]}")
        return times
    if unit in _DIVISORS:
        return numbers.whole // _DIVISORS[unit]
    factor = _FACTORS[unit]
    bound = int(_INT64.max) // factor - 1
    large = (numbers.whole > bound) | (numbers.whole < -bound)
    if factor > 1 and large.any():
        raise _too_large(int(numbers.whole[large][0]), where, UNIT_MEANINGS[unit])
    return numbers.whole * factor + numbers.nanos * factor // _NANO


def refuse_rounded_fractions(values: pa.Array, unit: Unit, where: str) -> None:
    """Raise `InputError` for a narrow float whose fraction is rounded by seconds in a unit.

    Args:
        values: Without null; other types than narrow floats are exact.
    """
    if unit in _FACTORS:
        refuse_rounded(values, 1000 / _FACTORS[unit], where)


def plausible_shares(columns: Iterable[Numbers]) -> dict[Unit, float]:
    """By unit that numbers can be told to have: the share of times of today's logs if it is it."""
    columns = list(columns)
    whole = np.concatenate([column.whole for column in columns])
    nanos = np.concatenate([column.nanos for column in columns])
    numbers = Numbers(whole, nanos)
    return {unit: float(plausible(numbers, unit).mean()) for unit in TOLD_UNITS}


def plausible_times(milliseconds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether times are of `FIRST_YEAR` to `LAST_YEAR`."""
    low, high = (np.datetime64(f"{year}", "ms").astype(int) for year in (FIRST_YEAR, LAST_YEAR))
    inside: NDArray[np.bool_] = (milliseconds >= low) & (milliseconds < high)
    return inside


def meaning(numbers: Numbers, unit: Unit, where: str) -> str:
    """What the first number is in a unit, for a person."""
    first = Numbers(numbers.whole[:1], numbers.nanos[:1])
    time = clock_text(int(to_milliseconds(first, unit, where)[0]))
    return f"{UNIT_MEANINGS[unit]} ({int(first.whole[0])} is {time}: `unit: {unit}`)"


def plausible(numbers: Numbers, unit: Unit) -> NDArray[np.bool_]:
    """Whether each number is a time of today's logs in a unit."""
    if unit in CALENDAR_UNITS:
        times, valid = _calendar(numbers, unit)
        return valid & plausible_times(times)
    if unit in _DIVISORS:
        return plausible_times(numbers.whole // _DIVISORS[unit])
    bound = int(_INT64.max) // _FACTORS[unit]
    return plausible_times(np.clip(numbers.whole, -bound, bound) * _FACTORS[unit])


def _calendar(numbers: Numbers, unit: Unit) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """`[N]` milliseconds and `[N]` whether the digits are a date; of others, any milliseconds."""
    dates, hours = numbers.whole, np.zeros_like(numbers.whole)
    if unit != "yyyymmdd":
        dates, hours = np.divmod(numbers.whole, 100)
    years, rest = np.divmod(dates, 10_000)
    months, days = np.divmod(rest, 100)
    valid = (years >= 0) & (years <= (99 if unit == "yymmddhh" else 9999))
    if unit == "yymmddhh":
        # As POSIX reads years of two digits.
        years = np.where(years < 69, 2000, 1900) + years
    valid &= (months >= 1) & (months <= 12) & (days >= 1) & (hours < 24) & (numbers.nanos == 0)
    count = np.where(valid, (years - 1970) * 12 + months - 1, 0)
    starts = count.astype("M8[M]").astype("M8[D]")
    dates_of = starts + np.where(valid, days - 1, 0)
    valid &= dates_of.astype("M8[M]").astype(np.int64) == count
    times = dates_of.astype(np.int64) * _FACTORS["d"] + np.where(valid, hours, 0) * _FACTORS["h"]
    return times, valid


def _read_floats(values: pa.Array, where: str) -> Numbers:
    floats = values.to_numpy()
    large = ~(np.abs(floats) < 2.0**63)
    if large.any():
        raise _too_large(float(floats[large][0]), where)
    whole = np.floor(floats)
    numbers = Numbers(whole.astype(np.int64), np.zeros(len(floats), np.int64))
    # Above 2 ** 53 the whole number that a float is has more digits than the one written so.
    parts = np.flatnonzero((whole != floats) | (np.abs(floats) >= 2.0**53))
    if len(parts):
        written = _read_texts(values.take(pa.array(parts)).cast(pa.string()), where)
        numbers.whole[parts], numbers.nanos[parts] = written.whole, written.nanos
    return numbers


def _read_texts(texts: pa.Array, where: str) -> Numbers:
    whole, nanos = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    texts = pc.replace_substring_regex(texts, r"(^\+|\.0*$)", "")
    simple = pc.match_substring_regex(texts, r"^-?\d{1,18}$").to_numpy(zero_copy_only=False)
    whole[simple] = texts.filter(pa.array(simple)).cast(pa.int64()).to_numpy()
    if simple.all():
        return Numbers(whole, nanos)
    pointed = pc.match_substring_regex(texts, r"^-?\d{1,18}\.\d+$").to_numpy(zero_copy_only=False)
    if pointed.any():
        halves = pc.list_flatten(pc.split_pattern(texts.filter(pa.array(pointed)), "."))
        left, right = halves[0::2], halves[1::2]
        digits = pc.utf8_rpad(pc.utf8_slice_codeunits(right, 0, 9), 9, "0")
        above = digits.cast(pa.int64()).to_numpy()
        size = left.cast(pa.int64()).to_numpy()
        below = pc.starts_with(left, "-").to_numpy(zero_copy_only=False) & (above > 0)
        whole[pointed] = size - below
        nanos[pointed] = np.where(below, _NANO - above, above)
    rest = pa.array(~simple & ~pointed)
    encoded = texts.filter(rest).dictionary_encode()
    if len(encoded):
        exact = np.array([_exact(text, where) for text in encoded.dictionary.to_pylist()])
        whole[~simple & ~pointed], nanos[~simple & ~pointed] = exact[encoded.indices].T
    return Numbers(whole, nanos)


def _exact(text: str, where: str) -> tuple[int, int]:
    number = Decimal(text)
    if number.adjusted() > 18:
        raise _too_large(text, where)
    if number.adjusted() < -9:
        number = Decimal(0)
    whole = int(number.to_integral_value(ROUND_FLOOR))
    if not _INT64.min <= whole <= _INT64.max:
        raise _too_large(text, where)
    return whole, int((number - whole) * _NANO)


def _too_large(value: object, where: str, what: str = "a time") -> InputError:
    return InputError(f"{where}: the value {value!r} is too large or small for {what}")
