"""Raw delays of any form as milliseconds, all files of a column together."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.columns import Unit
from smt.data.sources.arrow_types import beside_nulls, is_text
from smt.data.sources.missing import without_nan
from smt.data.sources.time_numbers import (
    CALENDAR_UNITS,
    NUMBER,
    UNIT_MEANINGS,
    Numbers,
    plausible,
    plausible_times,
    read_numbers,
    refuse_rounded_fractions,
    to_milliseconds,
)
from smt.data.sources.times import Times, column_name
from smt.errors import InputError

EPOCH_UNITS: tuple[Unit, ...] = ("s", "ms", "us", "ns")
LONGEST_MS = 400 * 86_400_000
"""An event that is no later than this after its impression may be given by its time."""
_CLOCK = (
    r"^\s*(?:(?P<days>\d{1,6}) days? )?(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d)"
    r":(?P<seconds>[0-5]\d)(?:\.(?P<parts>\d+))?\s*$"
)


def read_durations(
    columns: Mapping[str, pa.Array],
    moments: Mapping[str, pa.Array],
    *,
    unit: Unit | None = None,
    default: Unit | None = None,
) -> Times:
    """Read how long after their impressions events came, rounded down to milliseconds.

    Args:
        columns: One array a file, by "FILE: column 'NAME'", which opens every error: Arrow
            durations, texts such as `0 days 00:01:30` (pandas), or numbers; null stays null.
        moments: By the same names: milliseconds of the rows' impressions.
        unit: What numbers count.
        default: What the numbers of the timestamp count: delays do too where `unit` is None.
            Milliseconds where it is None or calendar digits. A remark says what was taken.

    Raises:
        InputError: A value is no delay, or delays seem to be the times of the events.
    """
    if unit in CALENDAR_UNITS:
        raise InputError(f"{next(iter(columns), 'delay')}: a delay cannot count `unit: {unit}`")
    taken: Unit = unit or ("ms" if default is None or default in CALENDAR_UNITS else default)
    milliseconds, counted = {}, False
    for where, raw in columns.items():
        values = without_nan(raw)
        present = values.drop_null()
        if _are_numbers(present):
            numbers = read_numbers(present, where)
            _refuse_times(numbers, moments[where].filter(values.is_valid()), where)
            refuse_rounded_fractions(present, taken, where)
            times = to_milliseconds(numbers, taken, where)
            counted |= bool(len(times))
        else:
            times = _read_clock(present, where)
        milliseconds[where] = beside_nulls(times, values)
    remarks: tuple[str, ...] = ()
    if counted and unit is None:
        what = UNIT_MEANINGS[taken].removesuffix(" since 1970")
        why = ", as the timestamp is" if taken == default else ""
        remarks = (
            f"{column_name(columns)}: delays are taken as {what}{why}; `unit:` of the event can "
            "say another",
        )
    return Times(milliseconds, taken if counted else None, remarks)


def _are_numbers(values: pa.Array) -> bool:
    if is_text(values.type):
        return bool(pc.all(pc.match_substring_regex(values, NUMBER), min_count=0).as_py())
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_null)
    return any(is_kind(values.type) for is_kind in kinds)


def _read_clock(values: pa.Array, where: str) -> NDArray[np.int64]:
    """Durations, and texts that say days, hours, minutes and seconds."""
    kind = values.type
    if pa.types.is_duration(kind):
        return to_milliseconds(read_numbers(values.cast(pa.int64()), where), kind.unit, where)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        raise InputError(
            f"{where}: holds times (Arrow type {kind}); a delay is the time from the impression to "
            "the event, so subtract the impression's"
        )
    if not is_text(kind):
        raise InputError(f"{where}: is of the Arrow type {kind}, which is no delay")
    encoded = values.dictionary_encode()
    parts = pc.extract_regex(encoded.dictionary, pattern=_CLOCK)
    wrong = pc.index(parts.is_null(), True).as_py()
    if wrong >= 0:
        value = encoded.dictionary[wrong].as_py()
        raise InputError(
            f"{where}: the value {value!r} is no delay; give a number (`unit:` says of what), a "
            "duration, or a text such as '0 days 00:01:30'"
        )
    names = ("days", "hours", "minutes", "seconds")
    # A part that a text leaves out is empty.
    amounts = [pc.utf8_lpad(pc.struct_field(parts, name), 1, "0") for name in names]
    seconds = np.zeros(len(parts), np.int64)
    for amount, factor in zip(amounts, (86_400, 3_600, 60, 1), strict=True):
        seconds += amount.cast(pa.int64()).to_numpy() * factor
    digits = pc.utf8_slice_codeunits(pc.struct_field(parts, "parts"), 0, 3)
    thousandths = pc.utf8_rpad(digits, 3, "0").cast(pa.int64()).to_numpy()
    times: NDArray[np.int64] = (seconds * 1000 + thousandths)[encoded.indices.to_numpy()]
    return times


def _refuse_times(numbers: Numbers, moments: pa.Array, where: str) -> None:
    """Raise `InputError` where all numbers but zeros are times soon after their impressions."""
    given = numbers.whole != 0
    shown = moments.to_numpy()[given]
    if not len(shown) or not plausible_times(shown).all():
        return
    some = Numbers(numbers.whole[given], numbers.nanos[given])
    for unit in EPOCH_UNITS:
        if not plausible(some, unit).all():
            continue
        waits = to_milliseconds(some, unit, where) - shown
        if ((waits >= 0) & (waits <= LONGEST_MS)).all():
            raise InputError(
                f"{where}: holds times, {UNIT_MEANINGS[unit]}; a delay is the time from the "
                "impression to the event, so subtract the impression's"
            )
