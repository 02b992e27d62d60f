"""The rows of the training window that a network learns from."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

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
        kept: Of the rows that `where` keeps, those to be read; all of them where None.
    """

    window: pa.Table | ds.Dataset
    where: Filter | None
    skip: int
    count: int
    kept: NDArray[np.bool_] | None = None


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
        count = min(count, windows.rows_after(first))
    rows = TrainingRows(windows.log.train, windows.where, windows.rows - count, count)
    if data.negative_rate < 1:
        rows = _without_negatives(rows, windows, events, template, seed)
    if workers.count > 1:
        # Workers make the same number of steps: an incomplete last round is dropped.
        whole = rows.count - rows.count % training.batch_size
        rows = replace(rows, count=whole)
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
    masks, start = [np.empty(0, bool)], 0
    for known, _ in windows.known(events, conversion_window_ms(template)):
        positive = np.any([labels == 1 for labels in known.values()], axis=0)
        numbers = np.arange(start, start + len(positive))
        masks.append(keep_mask(positive, numbers, template.data.negative_rate, seed))
        start += len(positive)
    kept = np.concatenate(masks)
    kept[: rows.skip] = False
    return TrainingRows(rows.window, rows.where, 0, int(kept.sum()), kept)
