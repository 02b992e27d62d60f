"""A log's rows, cut into its two windows at another time."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from smt.data.log import Log
from smt.data.records import unfiltered
from smt.spec import digest


def recut(log: Log, time_ms: int) -> Log:
    """The rows of both windows, those before `time_ms` in the training window.

    Nothing is copied or read, but the times of rows in memory.
    """
    name = log.schema.timestamp
    if isinstance(log.train, pa.Table):
        rows = pa.concat_tables([log.train, log.test], promote_options="permissive")
        count = pc.sum(pc.less(rows[name], time_ms)).as_py() or 0
        train, test = rows.slice(0, count), rows.slice(count)
    else:
        rows = _both_windows(log)
        train, test = rows.filter(pc.field(name) < time_ms), rows.filter(pc.field(name) >= time_ms)
    return replace(log, train=train, test=test, digest=digest([log.digest, "cut", time_ms]))


def _both_windows(log: Log) -> ds.Dataset:
    (train, before), (test, after) = unfiltered(log.train, None), unfiltered(log.test, None)
    if before is not None and after is not None:
        # Cut already: filters tell the windows of the same files apart.
        return train.filter(before | after)
    fragments = [*train.get_fragments(), *test.get_fragments()]
    return ds.FileSystemDataset(fragments, train.schema, train.format, train.filesystem)
