"""Raw times of any form as milliseconds since the epoch, all files of a column together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.columns import Unit
from smt.data.sources.arrow_types import beside_nulls, is_text
from smt.data.sources.missing import without_nan
from smt.data.sources.time_numbers import (
    CALENDAR_UNITS,
    FIRST_YEAR,
    LAST_YEAR,
    NUMBER,
    UNIT_MEANINGS,
    Numbers,
    meaning,
    plausible,
    plausible_shares,
    plausible_times,
    read_numbers,
    refuse_rounded_fractions,
    to_milliseconds,
)
from smt.data.sources.time_texts import FORMS, clock_text, read_texts, to_utc
from smt.errors import InputError

MOST = 0.5
"""Numbers of which a larger share are times of a unit seem to be of that unit."""


@dataclass(frozen=True)
class Times:
    """Times of all files of a column.

    Attributes:
        milliseconds: By "FILE: column 'NAME'": int64, null where the raw value is.
        unit: What numbers count; None where there are none.
        remarks: Sentences on what was decided, for a person to check.
    """

    milliseconds: Mapping[str, pa.Array]
    unit: Unit | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Clock:
    """Times of one file's column that are no numbers, and which of them name no zone."""

    times: NDArray[np.int64]
    zoned: NDArray[np.bool_]


def read_times(
    columns: Mapping[str, pa.Array], *, unit: Unit | None = None, zone: str | None = None
) -> Times:
    """Read a column of times: ISO 8601 texts, Arrow dates and timestamps, or numbers.

    Times are cut to milliseconds (towards the past). Those that name no zone, calendar digits
    among them, are what clocks in `zone` showed, see `to_utc`; numbers since 1970 have none.
    Where `unit` is None, numbers have the one unit of `TOLD_UNITS` in which all of them are
    times from 1990 to before 2100; where none is, they are milliseconds, and a remark says so.

    Args:
        columns: One array a file, by "FILE: column 'NAME'", which opens every error: texts,
            numbers, dates or timestamps of any unit; null and NaN stay null.
        unit: What numbers count.
        zone: An IANA name; UTC where None.

    Raises:
        InputError: A value is no time, some are numbers and others dates, or numbers may be of
            several units.
    """
    return _read(columns, zone, lambda numbers: (unit, ()) if unit else _told(numbers))


def read_step_times(
    columns: Mapping[str, pa.Array],
    moments: Mapping[str, pa.Array],
    *,
    unit: Unit | None = None,
    zone: str | None = None,
    default: Unit | None = None,
) -> Times:
    """Read the times of steps as `read_times` does the times of their impressions.

    Args:
        columns: The elements of the lists, one array a file.
        moments: By the same names or others: milliseconds of the impressions.
        default: What the numbers of the impressions' times count; None is milliseconds. Steps
            count the same, unless all of them are times of today's logs in one other unit.

    Raises:
        InputError: As `read_times`; or steps are not times of today's logs while impressions are.
    """
    times = np.concatenate([values.to_numpy() for values in moments.values()])
    recent = bool(len(times)) and bool(plausible_times(times).mean() > MOST)
    return _read(
        columns,
        zone,
        lambda numbers: (unit, ()) if unit else _told_of_steps(numbers, default or "ms", recent),
    )


def _read(
    columns: Mapping[str, pa.Array],
    zone: str | None,
    decide: Callable[[Mapping[str, Numbers]], tuple[Unit, tuple[str, ...]]],
) -> Times:
    present = {where: without_nan(values) for where, values in columns.items()}
    parts = {where: _parse(values.drop_null(), where) for where, values in present.items()}
    numbers = {w: part for w, part in parts.items() if isinstance(part, Numbers) and _size(part)}
    clocks = {w: part for w, part in parts.items() if isinstance(part, _Clock)}
    if numbers and clocks:
        dated, counted = next(iter(clocks)), next(iter(numbers))
        raise InputError(
            f"{counted}: holds numbers such as {present[counted].drop_null()[0].as_py()!r}, and "
            f"{dated} dates such as {clock_text(int(clocks[dated].times[0]))}; write all alike"
        )
    unit, remarks = decide(numbers) if numbers else (None, ())
    milliseconds, unzoned, skewed = {}, 0, 0
    for where, values in present.items():
        part = parts[where]
        if isinstance(part, Numbers):
            refuse_rounded_fractions(values.drop_null(), unit or "ms", where)
            times = to_milliseconds(part, unit or "ms", where)
            local = np.full(len(times), unit in CALENDAR_UNITS)
        else:
            times, local = part.times.copy(), ~part.zoned
        times[local], count = to_utc(times[local], zone)
        unzoned, skewed = unzoned + int(local.sum()), skewed + count
        milliseconds[where] = beside_nulls(times, values)
    name = column_name(columns)
    if unzoned and zone is None:
        remarks += (f"{name}: times that name no zone are taken as UTC; `zone:` can say another",)
    if skewed:
        remarks += (
            f"{name}: {skewed:,} times are in an hour that clocks in {zone} showed twice or "
            "skipped; they are the first one, or the moment when clocks were set",
        )
    return Times(milliseconds, unit, remarks)


def column_name(columns: Mapping[str, object]) -> str:
    """What several files' columns are called together, from their "FILE: column 'NAME'"."""
    where = next(iter(columns), "")
    return "column '" + where.rpartition(": column '")[2] if ": column '" in where else where


def _size(numbers: Numbers) -> int:
    return len(numbers.whole)


def _parse(values: pa.Array, where: str) -> Numbers | _Clock:
    """Of values without null."""
    kind = values.type
    if not len(values):
        return Numbers(np.zeros(0, np.int64), np.zeros(0, np.int64))
    if pa.types.is_timestamp(kind):
        ticks = read_numbers(values.cast(pa.int64()), where)
        times = to_milliseconds(ticks, kind.unit, where)
        return _Clock(times, np.full(len(times), kind.tz is not None))
    if pa.types.is_date(kind):
        times = values.cast(pa.date64()).cast(pa.int64()).to_numpy()
        return _Clock(times, np.zeros(len(times), bool))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return read_numbers(values, where)
    if not is_text(kind):
        raise InputError(f"{where}: is of the Arrow type {kind}; times are {FORMS}")
    counted = pc.match_substring_regex(values, NUMBER)
    if pc.all(counted).as_py():
        return read_numbers(values, where)
    times, zoned = read_texts(values.filter(pc.invert(counted)), where)
    if len(times) < len(values):
        number, date = (values.filter(rows)[0].as_py() for rows in (counted, pc.invert(counted)))
        raise InputError(
            f"{where}: holds the number {number!r} and the date {date!r}; write all alike"
        )
    return _Clock(times, zoned)


def _told(numbers: Mapping[str, Numbers]) -> tuple[Unit, tuple[str, ...]]:
    """The unit that numbers seem to have."""
    shares = plausible_shares(numbers.values())
    fitting = [unit for unit, share in shares.items() if share == 1]
    name = column_name(numbers)
    if len(fitting) > 1:
        raise _ask(fitting, numbers)
    if fitting:
        span = _span(numbers, fitting[0])
        said = f"{name}: numbers are taken as {UNIT_MEANINGS[fitting[0]]}, {span}"
        return fitting[0], () if fitting[0] == "ms" else (said,)
    nearly = [unit for unit, share in shares.items() if share > MOST and unit != "ms"]
    if nearly:
        where, value = next(
            (where, int(part.whole[~fits][0]))
            for where, part in numbers.items()
            if not (fits := plausible(part, nearly[0])).all()
        )
        raise InputError(
            f"{where}: most numbers are times as {UNIT_MEANINGS[nearly[0]]}, but {value} is none "
            f"from {FIRST_YEAR} to before {LAST_YEAR}; correct it, or say `unit:`"
        )
    return "ms", (
        f"{name}: numbers are taken as {UNIT_MEANINGS['ms']}, {_span(numbers, 'ms')}; where they "
        "count something else, say `unit:`",
    )


def _told_of_steps(
    numbers: Mapping[str, Numbers], default: Unit, recent: bool
) -> tuple[Unit, tuple[str, ...]]:
    # A zero pads a list rather than being a time.
    given = [
        Numbers(part.whole[part.whole != 0], part.nanos[part.whole != 0])
        for part in numbers.values()
    ]
    if not any(map(_size, given)):
        return default, ()
    shares = plausible_shares(given)
    fitting = [unit for unit, share in shares.items() if share == 1]
    if default in fitting or (not fitting and not recent):
        return default, ()
    if len(fitting) > 1:
        raise _ask(fitting, numbers)
    name = column_name(numbers)
    if fitting:
        span = _span(numbers, fitting[0])
        return fitting[0], (f"{name}: numbers are taken as {UNIT_MEANINGS[fitting[0]]}, {span}",)
    if shares.get(default, 0.0) <= MOST:
        raise InputError(
            f"{next(iter(numbers))}: as {UNIT_MEANINGS[default]} its steps' times are "
            f"{_span(numbers, default)}, unlike those of the rows; say `unit:` of the sequence"
        )
    return default, ()


def _ask(units: list[Unit], numbers: Mapping[str, Numbers]) -> InputError:
    where, first = next(iter(numbers.items()))
    choices = " or ".join(meaning(first, unit, where) for unit in units)
    return InputError(f"{where}: its numbers may be {choices}; say which in the schema")


def _span(numbers: Mapping[str, Numbers], unit: Unit) -> str:
    times = np.concatenate([to_milliseconds(part, unit, where) for where, part in numbers.items()])
    return f"{clock_text(int(times.min()))} to {clock_text(int(times.max()))}"
