"""What a column of times counts, as a draft of the keys that say so."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import is_text
from smt.data.sources.column_names import time_rank
from smt.data.sources.missing import present
from smt.data.sources.raw_columns import RawColumn
from smt.data.sources.time_numbers import plausible_times
from smt.data.sources.times import read_times
from smt.errors import InputError

ORDERED = 2
"""Names up to this rank are of times, whatever the numbers are."""
DAY_MS = 86_400_000
ZONED = r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$"
LOCAL = "taken as UTC; where clocks stood elsewhere add 'zone', such as Asia/Shanghai"


def time_keys(column: RawColumn) -> tuple[dict[str, Any], list[str]] | None:
    """The schema's keys for a column of times, and remarks; None where it holds none."""
    if column.missing == column.rows:
        return None
    surely = time_rank(column.name) <= ORDERED
    parts = {where: present(values, None).drop_null() for where, values in column.parts.items()}
    try:
        times = read_times({where: values for where, values in parts.items() if len(values)})
    except InputError as error:
        if not surely or column.numbers is None:
            return None
        problem = str(error).rpartition("': ")[2]
        return {}, [f"CHECK the unit, and say it: {problem}", *_on_missing(column)]
    parts_ms = times.milliseconds.values()
    first, last = min(pc.min(p).as_py() for p in parts_ms), max(pc.max(p).as_py() for p in parts_ms)
    if not plausible_times(np.array([first, last])).all():
        if not surely or times.unit is None:
            return None
        remark = f"CHECK the unit: {first} to {last} are no times of logs as {times.unit}"
        return {"unit": times.unit}, [remark, *_on_missing(column)]
    remarks = [f"{_shown(first)} to {_shown(last)} UTC"]
    if any(_is_local(values) for values in parts.values()):
        remarks.append(LOCAL)
    if not any((part.to_numpy() % DAY_MS).any() for part in parts_ms):
        remarks.append("whole days: rows of one day have no order among themselves")
    unit = {} if times.unit is None else {"unit": times.unit}
    return unit, [*remarks, *_on_missing(column)]


def _shown(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"


def _is_local(values: pa.Array) -> bool:
    """Whether times of a clock name no zone."""
    if is_text(values.type):
        clocks = values.filter(pc.match_substring(values, "-"))
        return not pc.all(pc.match_substring_regex(clocks, ZONED)).as_py() if len(clocks) else False
    return pa.types.is_date(values.type) or getattr(values.type, "tz", "UTC") is None


def _on_missing(column: RawColumn) -> list[str]:
    if not column.missing:
        return []
    return [f"{column.missing:,} rows have no time, which is refused: remove them"]
