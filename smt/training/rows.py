"""The rows of the training window that a network learns from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from smt.data import Filter
from smt.data.sampling import keep_mask
from smt.errors import InputError
from smt.template import Template
from smt.training.windows import Windows, conversion_window_ms
from smt.training.workers import Workers

DAY_MS = 86_400_000


@dataclass(frozen=True)
class TrainingRows:
    """Rows in time order.

    Attributes:
        window: A table or a dataset.
        where: The filter still to be applied while reading.
        skip: Rows left out at its start.
        count: Rows read in one pass.
    """

    window: pa.Table | ds.Dataset
    where: Filter | None
    skip: int
    count: int


def training_rows(
    template: Template, windows: Windows, events: tuple[str, ...], seed: int, workers: Workers
) -> TrainingRows:
    """Cut the window as `train_rows` and `window_days` say, and leave negatives out.

    Args:
        events: The model's; a row where none of them happened is a negative.

    Raises:
        InputError: Nothing is left, or the batch does not divide among the workers.
    """
    data, training = template.data, template.training
    if training.batch_size % workers.count:
        raise InputError(
            f"batch_size {training.batch_size} does not divide among {workers.count} workers"
        )
    count = min(windows.rows, data.train_rows or windows.rows)
    if training.window_days is not None:
        first = windows.end_ms - training.window_days * DAY_MS
        count = min(count, int((windows.times > first).sum()))
    rows = TrainingRows(windows.log.train, windows.where, windows.rows - count, count)
    if data.negative_rate < 1:
        rows = _without_negatives(rows, windows, events, template, seed)
    if workers.count > 1:
        # Workers make the same number of steps: an incomplete last round is dropped.
        whole = rows.count - rows.count % training.batch_size
        rows = TrainingRows(rows.window, rows.where, rows.skip, whole)
    if rows.count == 0:
        raise InputError(
            "no row is left to train on"
            if workers.count == 1
            else f"the training window has fewer rows than one batch of {training.batch_size} "
            f"over {workers.count} workers"
        )
    return rows


def _without_negatives(
    rows: TrainingRows, windows: Windows, events: tuple[str, ...], template: Template, seed: int
) -> TrainingRows:
    """Which rows stay depends on their place in the window, their labels and the seed."""
    window_ms = conversion_window_ms(template)
    positive = np.zeros(windows.rows, dtype=bool)
    for event in events:
        positive |= windows.known(event, window_ms) == 1
    kept = keep_mask(positive, np.arange(windows.rows), template.data.negative_rate, seed)
    kept[: rows.skip] = False
    table = rows.window
    if not isinstance(table, pa.Table):
        table = table.to_table(filter=windows.condition)
    table = table.filter(pa.array(kept)).combine_chunks()
    return TrainingRows(table, None, 0, table.num_rows)
