"""Where logs come from: published data sets and a user's own tables."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from smt.data.log import ROW_GROUP_ROWS, Log, require_empty, split_by_time, write_log
from smt.data.schema import Schema
from smt.data.sources.profile import ColumnProfile, profile_columns
from smt.data.time_order import share_remark
from smt.errors import InputError


@dataclass(frozen=True)
class Source:
    """A log read from somewhere, not split yet.

    Attributes:
        rows: One row an impression, in any order, with the columns of the schema.
        reserved: Id columns whose id 0 stands for a missing or unknown value.
        report: What a reader of the log should know, as plain data; `remarks`, if there, are
            sentences.
        ordered: The rows are in order of time, and those of one moment in theirs.
    """

    schema: Schema
    rows: pa.Table
    reserved: frozenset[str] = frozenset()
    report: dict[str, Any] = field(default_factory=dict)
    ordered: bool = False

    @cached_property
    def profile(self) -> list[ColumnProfile]:
        """What is in each column."""
        return profile_columns(self.rows, self.schema, self.reserved)


def require_storable(out: str | Path, test_share: float) -> None:
    """Raise the `InputError` of `store` that can be told before anything is read."""
    require_empty(out)
    if not 0 < test_share < 1:
        raise InputError(f"--test-share must be between 0 and 1, not {test_share:g}")


def store(
    source: Source, out: str | Path, *, test_share: float, row_group_rows: int = ROW_GROUP_ROWS
) -> Log:
    """Split a source by time and write it as a log folder whose report holds its profile.

    Args:
        row_group_rows: As of `write_log`.

    Raises:
        InputError: `out` is not empty, or the times do not allow a split.
    """
    require_storable(out, test_share)
    train, test = split_by_time(source.rows, source.schema, test_share, ordered=source.ordered)
    report = {**source.report, "columns": [asdict(column) for column in source.profile]}
    if remark := share_remark(len(train), len(test), test_share):
        report["remarks"] = [*report.get("remarks", ()), remark]
    return write_log(out, source.schema, train, test, report, row_group_rows=row_group_rows)
