"""Which rows a network is judged by, and when training may know their labels.

Progressively, as Blum, Kalai and Langford (COLT 1999) do: every judged row is predicted by a
network that has learned from what was known before it, and then learned from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from smt.data import Log, expression
from smt.data.recut import recut
from smt.data.time_order import cut_row
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.template import Template
from smt.training.rows import TrainingRows, check_workers, keep, read_rows
from smt.training.windows import Windows, conversion_window_ms, stretches
from smt.training.workers import Workers

Times = NDArray[np.int64]
KNOWN_SHARE = 0.95
"""Of the events whose delays are known: rows wait for so many where no window says how long."""


@dataclass(frozen=True)
class JudgedRows:
    """The judged rows of a model.

    Attributes:
        log: Its test window are the judged rows, its training window all rows before them.
        history: Of the model's rows before the judged ones, the latest, that are learned from;
            None where the test window is judged by frozen weights.
    """

    log: Log
    history: int | None


def judged_rows(template: Template, model: ModelSpec, log: Log) -> JudgedRows:
    """The test window, or progressively the last `judge_share` of all rows, and at least that.

    They are a function of the rows that the template reads (`train_rows`, `window_days`) alone:
    two networks that are compared are judged by the same ones.

    Raises:
        InputError: The template makes several passes, or the rows have a single time.
    """
    training, name = template.training, log.schema.timestamp
    if training.judge == "frozen":
        return JudgedRows(log, None)
    if training.passes > 1:
        raise InputError(
            f"judge is 'progressive', where every row is learned from once, and passes is "
            f"{training.passes}; make one pass, or set judge to 'frozen'"
        )
    condition = expression(model.filter, log.schema)
    before, test = (_times(window, name, condition) for window in (log.train, log.test))
    end_ms = int(before.max(initial=0))
    read = read_rows(template, len(before), end_ms, lambda time: int((before > time).sum()))
    before = before[len(before) - read :]
    times = np.concatenate([before, test])
    cut = times[cut_row(times, name, training.judge_share)]
    cut = int(min(cut, test[0])) if len(test) else int(cut)
    return JudgedRows(recut(log, cut), int((before < cut).sum()))


def waiting_ms(template: Template, windows: Windows, labels: Sequence[str]) -> int:
    """How long after its impression a row is learned from: when its label is known.

    At the end of the conversion window; without one, when `KNOWN_SHARE` of the events have
    happened whose delays are known before the judged rows. 0 where nothing is late.
    """
    delayed = [event for event in labels if windows.log.schema.delay_of(event) is not None]
    window_ms = conversion_window_ms(template)
    if not delayed:
        return 0
    if window_ms is not None:
        return window_ms
    longest = 0
    for event in delayed:
        known = [
            delays[(happened > 0) & (times + delays <= windows.end_ms)].numpy()
            for happened, delays, times in windows.delayed(event)
        ]
        waits = np.concatenate([np.zeros(1, np.int64), *known])
        longest = max(longest, int(np.quantile(waits, KNOWN_SHARE, method="higher")))
    return longest


@dataclass(frozen=True)
class LearnedRows:
    """What is learned from, and how far judging has to be before each step.

    Attributes:
        parts: Rows whose labels are known before the first judged row; the rows after them whose
            labels are known before the log ends.
        due: `[steps]` judged rows that are predicted before each step: all that were shown by the
            time at which the label of the step's last row is known.
    """

    parts: tuple[TrainingRows, TrainingRows]
    due: Times


def learned_rows(
    template: Template,
    windows: Windows,
    history: int,
    wait_ms: int,
    *,
    events: Sequence[str],
    seed: int,
    workers: Workers,
) -> LearnedRows:
    """Divide a model's rows by when their labels are known; leave negatives out.

    Args:
        windows: Cut before the first judged row.
        history: The latest rows before that one that are learned from.
        wait_ms: From a row to when its label is known.
        events: The model's; a row where none of them happened is a negative.

    Raises:
        InputError: No label is known before the first judged row, or the batch does not divide
            among the workers.
    """
    check_workers(template, workers)
    size, name = template.training.batch_size, windows.log.schema.timestamp
    judged = _times(windows.log.test, name, windows.condition)
    log = recut(windows.log, int(judged[0]) - wait_ms)
    later = _times(log.test, name, windows.condition)
    kept = np.ones(windows.rows + len(judged), bool)
    if template.data.negative_rate < 1:
        positives = _positives(replace(windows, log=log), events, wait_ms)
        kept = keep(positives, template.data.negative_rate, seed)
    kept[: windows.rows - history] = False
    known, unknown = np.split(kept, [len(kept) - len(later)])
    unknown &= later + wait_ms <= judged[-1]
    before = _marked(log.train, windows, known).in_rounds(size, workers)
    then = _marked(log.test, windows, unknown).in_rounds(size, workers)
    if not before.count:
        waits = f"; a row is learned from {wait_ms / 3_600_000:g} hours later" if wait_ms else ""
        raise InputError(
            f"no row is left to train on before the judged ones{waits}: lower judge_share"
        )
    learned = later[unknown][: then.count]
    ends = np.minimum(np.arange(size, then.count + size, size), then.count) - 1
    due = np.searchsorted(judged, learned[ends] + wait_ms, side="right")
    none = np.zeros(-(-before.count // size), np.int64)
    return LearnedRows((before, then), np.concatenate([none, due]))


def _times(window: pa.Table | ds.Dataset, name: str, condition: pc.Expression | None) -> Times:
    parts = [columns[name] for columns in stretches(window, [name], condition)]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _positives(
    windows: Windows, events: Sequence[str], wait_ms: int
) -> Iterator[NDArray[np.bool_]]:
    """Whether any of the events happened as far as is known when a row is learned from."""
    delays = {event: windows.log.schema.delay_of(event) for event in events}
    names = [*events, *(delay for delay in delays.values() if delay is not None)]
    for window in (windows.log.train, windows.log.test):
        for columns in stretches(window, names, windows.condition):
            yield np.any(
                [
                    (columns[event] > 0) & (delay is None or columns[delay] <= wait_ms)
                    for event, delay in delays.items()
                ],
                axis=0,
            )


def _marked(
    window: pa.Table | ds.Dataset, windows: Windows, kept: NDArray[np.bool_]
) -> TrainingRows:
    count = int(kept.sum())
    skip = len(kept) - count
    if kept[skip:].all():
        # A mask would copy what it keeps.
        return TrainingRows(window, windows.where, skip, count)
    return TrainingRows(window, windows.where, 0, count, kept)
