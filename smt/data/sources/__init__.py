"""Where logs come from: published data sets and a user's own tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from smt.data.coding import Dictionary
from smt.data.log import ROW_GROUP_ROWS, Log, require_empty, split_by_time, write_log
from smt.data.reading import NOT_READ, Reading
from smt.data.schema import Schema
from smt.data.sources.profile import ColumnProfile, profile_columns
from smt.data.time_order import share_remark
from smt.errors import InputError


@dataclass(frozen=True)
class Source:
    """A log read from somewhere, not split yet.

    Attributes:
        rows: One row an impression, in any order, with the columns of the schema.
        reading: How its columns were made of raw values.
        dictionaries: Of the id columns whose coding is `dictionary`.
        report: What a reader of the log should know, as plain data.
        remarks: Sentences that a person should read.
        ordered: The rows are in order of time, and those of one moment in theirs.
    """

    schema: Schema
    rows: pa.Table
    reading: Reading = NOT_READ
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    ordered: bool = False

    @cached_property
    def profile(self) -> list[ColumnProfile]:
        """What is in each column."""
        return profile_columns(self.rows, self.schema, self.reading)


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
    remark = share_remark(len(train), len(test), test_share)
    report = {
        **source.report,
        "columns": [asdict(column) for column in source.profile],
        "remarks": [*source.remarks, *([remark] if remark else [])],
    }
    return write_log(
        out,
        source.schema,
        train,
        test,
        report,
        row_group_rows=row_group_rows,
        reading=source.reading,
        dictionaries=source.dictionaries,
    )
