"""Batches out of rows, so that a test may change one thing about one row."""

import pyarrow as pa

from smt.data import read_batches


def rows_of(log, size):
    """The last rows as dicts; most users have a history by then."""
    return log.train.slice(len(log.train) - size).to_pylist()


def batch_of(network, log, rows):
    """The batch that a network reads of rows."""
    return next(
        read_batches(
            pa.Table.from_pylist(rows, schema=log.train.schema),
            log.schema,
            features=network.features,
            events=network.labels,
            batch_size=len(rows),
            steps=network.reads_steps,
        )
    )


def changed(rows, **values):
    """Copies of the rows with other values of some columns."""
    return [{**row, **values} for row in rows]
