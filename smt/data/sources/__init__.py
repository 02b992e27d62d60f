"""Where logs come from: published data sets and a user's own tables."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from smt.data.log import Log, split_by_time, write_log
from smt.data.schema import Schema
from smt.data.sources.profile import ColumnProfile, profile_columns


@dataclass(frozen=True)
class Source:
    """A log read from somewhere, not split yet.

    Attributes:
        rows: One row an impression, in any order, with the columns of the schema.
        reserved: Id and list columns whose id 0 stands for a missing or unknown value.
        report: What a reader of the log should know, as plain data.
    """

    schema: Schema
    rows: pa.Table
    reserved: frozenset[str] = frozenset()
    report: dict[str, Any] = field(default_factory=dict)

    def profile(self) -> list[ColumnProfile]:
        """What is in each column."""
        return profile_columns(self.rows, self.schema, self.reserved)


def store(source: Source, out: str | Path, *, test_share: float) -> Log:
    """Split a source by time and write it as a log folder whose report holds its profile.

    Raises:
        InputError: `out` is not empty, or the times do not allow a split.
    """
    train, test = split_by_time(source.rows, source.schema, test_share)
    columns = [asdict(column) for column in source.profile()]
    return write_log(out, source.schema, train, test, {**source.report, "columns": columns})
