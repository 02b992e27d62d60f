"""What a column of times counts, as a draft of the keys that say so."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.column_names import time_rank
from smt.data.sources.raw_columns import RawColumn

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
CALENDARS = {"yyyymmdd": "%Y%m%d", "yymmddhh": "%y%m%d%H", "yyyymmddhh": "%Y%m%d%H"}
YEARS = range(1995, 2033)
"""Years of which logs are; from 2033 on, seconds are digits of a day and hour of these too."""
DATE = r"^\d{4}-\d\d-\d\d$"
ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:?\d\d.*)?$"
ZONED = r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$"
ORDERED = 2
"""Names up to this rank are of times, whatever the numbers are."""


def time_keys(column: RawColumn) -> tuple[dict[str, Any], list[str]] | None:
    """The schema's keys for a column of times, and remarks; None where it holds none."""
    if column.missing == column.rows:
        return None
    if column.is_moment:
        return {}, _on_moments(column)
    if pc.all(pc.match_substring_regex(column.texts, ISO)).as_py():
        return {}, _on_texts(column.texts)
    if column.numbers is None:
        return None
    first, last = pc.min(column.numbers).as_py(), pc.max(column.numbers).as_py()
    units = [unit for unit in (*SECONDS, *CALENDARS) if _fits(column, unit)]
    if len(units) == 1:
        shown = " to ".join(_shown(number, units[0]) for number in (first, last))
        return {"unit": units[0]}, [f"{shown} UTC", *_on_missing(column)]
    if time_rank(column.name) > ORDERED:
        return None
    problem = f"CHECK the unit: {first:.15g} to {last:.15g} are times of no unit that is used"
    return {"unit": "ms"}, [problem + "; in order they do as they are", *_on_missing(column)]


def _on_moments(column: RawColumn) -> list[str]:
    parts = column.parts.values()
    first = min(pc.min(values).as_py() for values in parts if len(values))
    last = max(pc.max(values).as_py() for values in parts if len(values))
    naive = any(getattr(values.type, "tz", "UTC") is None for values in parts)
    return [f"{first} to {last}", *([_LOCAL] if naive else []), *_on_missing(column)]


_LOCAL = "taken as UTC; where clocks stood elsewhere add 'zone', such as Asia/Shanghai"


def _on_texts(texts: pa.Array) -> list[str]:
    remarks = [f"{pc.min(texts).as_py()} to {pc.max(texts).as_py()}"]
    if not pc.all(pc.match_substring_regex(texts, ZONED)).as_py():
        remarks.append(_LOCAL)
    if pc.all(pc.match_substring_regex(texts, DATE)).as_py():
        remarks.append("whole days: rows of one day have no order among themselves")
    return remarks


def _on_missing(column: RawColumn) -> list[str]:
    if not column.missing:
        return []
    return [f"{column.missing:,} rows have no time, which is refused: remove them"]


def _fits(column: RawColumn, unit: str) -> bool:
    """Whether all numbers are moments of a unit in the years of logs."""
    assert column.numbers is not None
    numbers = column.numbers
    if unit in CALENDARS:
        if not column.is_whole or pc.max(numbers).as_py() >= 1e10:
            return False
        try:
            moments = [_moment(number, unit) for number in numbers.to_pylist()]
        except ValueError:
            return False
    else:
        ends = [pc.min(numbers).as_py(), pc.max(numbers).as_py()]
        try:
            moments = [_moment(number, unit) for number in ends]
        except (ValueError, OverflowError, OSError):
            return False
    return all(moment.year in YEARS for moment in moments)


def _moment(number: float, unit: str) -> datetime:
    if unit in SECONDS:
        return datetime.fromtimestamp(number * SECONDS[unit], UTC)
    digits = {"yyyymmdd": 8, "yymmddhh": 8, "yyyymmddhh": 10}[unit]
    text = f"{int(number):0{digits}d}"
    if len(text) != digits:
        raise ValueError(text)
    return datetime.strptime(text, CALENDARS[unit]).replace(tzinfo=UTC)


def _shown(number: float, unit: str) -> str:
    return f"{_moment(number, unit):%Y-%m-%d %H:%M}"
