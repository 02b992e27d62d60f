"""The rows of the training window that a network learns from."""

from collections.abc import Callable, Iterable
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

    def in_rounds(self, batch_size: int, workers: Workers) -> "TrainingRows":
        """Of several workers, without an incomplete last round: all make the same steps."""
        if workers.count == 1:
            return self
        return replace(self, count=self.count - self.count % batch_size)


def training_rows(
    template: Template, windows: Windows, events: tuple[str, ...], seed: int, workers: Workers
) -> TrainingRows:
    """Cut the window as `train_rows` and `window_days` say, and leave negatives out.

    Args:
        events: The model's; a row where none of them happened is a negative.

    Raises:
        InputError: Nothing is left, or the batch does not divide among the workers.
    """
    check_workers(template, workers)
    data, training = template.data, template.training
    count = read_rows(template, windows.rows, windows.end_ms, windows.rows_after)
    rows = TrainingRows(windows.log.train, windows.where, windows.rows - count, count)
    if data.negative_rate < 1:
        known = windows.known(events, conversion_window_ms(template))
        positives = (np.any([of > 0 for of in labels.values()], axis=0) for labels, _ in known)
        kept = keep(positives, data.negative_rate, seed)
        kept[: rows.skip] = False
        rows = TrainingRows(rows.window, rows.where, 0, int(kept.sum()), kept)
    rows = rows.in_rounds(training.batch_size, workers)
    if rows.count == 0:
        raise InputError(
            "no row is left to train on"
            if workers.count == 1
            else f"the training window has fewer rows than one batch of {training.batch_size} "
            f"over {workers.count} workers"
        )
    return rows


def read_rows(
    template: Template, rows: int, end_ms: int, rows_after: Callable[[float], int]
) -> int:
    """How many rows of a training window, the latest, `train_rows` and `window_days` leave.

    Args:
        rows: Of the window, which ends at `end_ms`.
        rows_after: A time in milliseconds -> how many of them are later.
    """
    count = min(rows, template.data.train_rows or rows)
    if template.training.window_days is not None:
        count = min(count, rows_after(end_ms - template.training.window_days * DAY_MS))
    return count


def check_workers(template: Template, workers: Workers) -> None:
    """Raise `InputError` where a batch does not divide among the workers."""
    size = template.training.batch_size
    if size % workers.count:
        raise InputError(f"batch_size {size} does not divide among {workers.count} workers")


def keep(positives: Iterable[NDArray[np.bool_]], rate: float, seed: int) -> NDArray[np.bool_]:
    """Which rows stay where negatives are left out; by their places, their labels and the seed.

    Args:
        positives: Stretches of rows, in order: whether any of the model's events happened.
        rate: The share of negatives that stays.
    """
    masks, start = [np.empty(0, bool)], 0
    for positive in positives:
        numbers = np.arange(start, start + len(positive))
        masks.append(keep_mask(positive, numbers, rate, seed))
        start += len(positive)
    return np.concatenate(masks)
