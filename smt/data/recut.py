"""A log's rows, cut into its two windows at another time."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.dataset as ds

from smt.data.log import Log
from smt.data.records import unfiltered
from smt.data.time_order import cut_rows
from smt.spec import digest


def recut(log: Log, time_ms: int) -> Log:
    """The rows of both windows, those before `time_ms` in the training window.

    Nothing is copied or read, but the times of rows in memory.
    """
    rows = (
        pa.concat_tables([log.train, log.test], promote_options="permissive")
        if isinstance(log.train, pa.Table)
        else _both_windows(log)
    )
    train, test = cut_rows(rows, log.schema.timestamp, time_ms)
    return replace(log, train=train, test=test, digest=digest([log.digest, "cut", time_ms]))


def _both_windows(log: Log) -> ds.Dataset:
    (train, before), (test, after) = unfiltered(log.train, None), unfiltered(log.test, None)
    if before is not None and after is not None:
        # Cut already: filters tell the windows of the same files apart.
        return train.filter(before | after)
    fragments = [*train.get_fragments(), *test.get_fragments()]
    return ds.FileSystemDataset(fragments, train.schema, train.format, train.filesystem)
