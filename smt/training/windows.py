"""The rows of a log that are one model's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import torch
from numpy.typing import NDArray
from torch import Tensor

from smt.data import Filter, Log, Schema, expression
from smt.data.columns import Surface, Value
from smt.data.id_ranges import largest_ids
from smt.data.labels import mature_labels
from smt.data.records import read_records
from smt.errors import InputError
from smt.fleet import ModelSpec, model_columns
from smt.layers.event_losses import losses_of
from smt.layers.losses import Background
from smt.template import Template
from smt.training.clusters import MISSING

HOUR_MS = 3_600_000
COUNT_ROWS = 65_536
"""Rows that are counted at once: sums are the same however the rows are stored."""

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Windows:
    """A model's training and test rows, and what is counted of them; the rows stay where they are.

    Attributes:
        log: The model's rows where they are in memory; else the whole log.
        where: The filter still to be applied; None where the rows are the model's already.
        rows: Rows of the model in the training window.
        end_ms: When the training window ends: the time of its last row.
        base_rates: Event -> its weighted rate in the training window, or its mean value, of all
            events asked for.
        potentials: Value event -> the mean `potential` of its labels there.
        surface_counts: `[num_ids]` training rows by surface code; None without such a column.
    """

    log: Log
    where: Filter | None
    rows: int
    end_ms: int
    base_rates: dict[str, float]
    potentials: dict[str, float]
    surface_counts: NDArray[np.int64] | None

    @property
    def condition(self) -> pc.Expression | None:
        """The filter still to be applied, as Arrow has it."""
        return expression(self.where or {}, self.log.schema)

    def backgrounds(self, events: Sequence[str]) -> dict[str, Background]:
        """What the window tells of events, by which their losses are normalised."""
        kinds = losses_of(self.log.schema, events).kinds
        return {
            event: Background(kind, self.base_rates[event], self.potentials.get(event, 0.0))
            for event, kind in zip(events, kinds, strict=True)
        }

    def columns(self, names: Sequence[str]) -> Iterator[Columns]:
        """Stretches of the training window's rows, in order: column -> `[COUNT_ROWS]` or fewer."""
        return stretches(self.log.train, names, self.condition)

    def known(
        self, events: Sequence[str], window_ms: int | None = None
    ) -> Iterator[tuple[dict[str, NDArray[np.float32]], NDArray[np.float64]]]:
        """Stretches of labels as the training window's end knew them, and of weights.

        A value that comes late was 0 before.

        Args:
            window_ms: Later events do not count; None counts all that are known.
        """
        schema = self.log.schema
        delays = {event: delay for event in events if (delay := schema.delay_of(event)) is not None}
        weight = [] if schema.weight is None else [schema.weight]
        time = [schema.timestamp] if delays else []
        for rows in self.columns([*events, *delays.values(), *time, *weight]):
            known = {event: rows[event].astype(np.float32) for event in events}
            for event, delay in delays.items():
                happened, waits, times = _tensors(rows, event, delay, schema.timestamp)
                labels, _ = mature_labels(
                    happened, waits, times, window_ms=window_ms, observed_until_ms=self.end_ms
                )
                known[event] = labels.numpy()
            yield known, _weights(rows, schema)

    def known_rate(self, event: str, window_ms: int | None = None) -> float:
        """The weighted mean of the labels that were known."""
        if self.log.schema.delay_of(event) is None:
            return self.base_rates[event]
        mean = _Mean([event])
        for known, weights in self.known([event], window_ms):
            mean.add(known, weights)
        return mean.rates()[event]

    def delayed(self, event: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Stretches of labels and delays of an event that has delays, and of times."""
        schema = self.log.schema
        delay = schema.delay_of(event)
        assert delay is not None
        for rows in self.columns([event, delay, schema.timestamp]):
            labels, delays, times = _tensors(rows, event, delay, schema.timestamp)
            yield labels, delays, times

    def rows_after(self, time_ms: float) -> int:
        """Training rows that are later."""
        name = self.log.schema.timestamp
        return sum(int((rows[name] > time_ms).sum()) for rows in self.columns([name]))


class _Mean:
    """Weighted means of several events' labels, summed in double precision as they come."""

    def __init__(self, events: Sequence[str]) -> None:
        self._sums = dict.fromkeys(events, 0.0)
        self._weight = 0.0

    def add(self, labels: Mapping[str, NDArray[Any]], weights: NDArray[np.float64]) -> None:
        """Count `[n]` labels of every event."""
        self._weight += float(weights.sum())
        for event in self._sums:
            self._sums[event] += float((labels[event] * weights).sum())

    def rates(self) -> dict[str, float]:
        """By event; NaN where nothing weighs anything."""
        return {
            event: total / self._weight if self._weight else float("nan")
            for event, total in self._sums.items()
        }


def conversion_window_ms(template: Template) -> int | None:
    """How long after an impression an event with a delay counts; None: for ever."""
    spec = template.data.conversion_window
    return None if spec is None else round(spec.hours * HOUR_MS)


def model_windows(model: ModelSpec, log: Log, events: tuple[str, ...] | None = None) -> Windows:
    """Select a model's rows; tables in memory are filtered once here, datasets while read.

    Args:
        events: Those whose training labels are counted; the model's by default.

    Raises:
        InputError: All of the rows have the weight 0, an id in memory is outside its column's
            range, or a file is not on this machine.
    """
    schema = log.schema
    events = model.events if events is None else events
    condition = expression(model.filter, schema)
    if isinstance(log.train, pa.Table) and condition is not None:
        train, test = (
            ds.dataset(window)
            .to_table(columns=model_columns(model, schema), filter=condition)
            .combine_chunks()
            for window in (log.train, log.test)
        )
        log, condition = replace(log, train=train, test=test), None
    for window in (log.train, log.test):
        # Those on disk were checked when they were written.
        if isinstance(window, pa.Table):
            largest_ids(window, schema)
    values = [event for event in schema.names(Value) if event in events]
    kinds = dict(zip(values, losses_of(schema, values).kinds, strict=True))
    mean, potential, count, end_ms = _Mean(events), _Mean(values), 0, 0
    surfaces = {n: kind for n, kind in schema.columns.items() if isinstance(kind, Surface)}
    counts = {name: np.zeros(kind.num_ids, np.int64) for name, kind in surfaces.items()}
    names = [*events, schema.timestamp, *surfaces]
    if schema.weight is not None:
        names.append(schema.weight)
    for rows in stretches(log.train, names, condition):
        times = rows[schema.timestamp]
        count, end_ms = count + len(times), int(times[-1])
        weights = _weights(rows, schema)
        mean.add(rows, weights)
        potentials = {event: kind.potential(rows[event]) for event, kind in kinds.items()}
        potential.add(potentials, weights)
        for name, by_code in counts.items():
            by_code += np.bincount(rows[name], minlength=len(by_code))
    rates = mean.rates()
    if count and np.isnan(list(rates.values())).any():
        raise InputError(
            f"model '{model.name}': all {count:,} training rows have a '{schema.weight}' of 0"
        )
    where = model.filter if condition is not None else None
    surface_counts = next(iter(counts.values()), None)
    return Windows(log, where, count, end_ms, rates, potential.rates(), surface_counts)


def read_groups(model: ModelSpec, log: Log) -> NDArray[np.int64] | None:
    """`[n]` ids by which a model's judged rows are clustered, in the log's order.

    Whether or not the model's features include them; `MISSING` of rows without an id, each a
    cluster of its own; None where the schema names no such column.

    Raises:
        InputError: All of the rows have one id: no standard error can be told from them.
    """
    name = log.schema.cluster
    if name is None:
        return None
    rows = stretches(log.test, [name], expression(model.filter, log.schema))
    groups = np.concatenate([np.empty(0, np.int64), *(stretch[name] for stretch in rows)])
    if len(groups) and groups[0] != MISSING and (groups == groups[0]).all():
        raise InputError(
            f"model '{model.name}': all {len(groups):,} judged rows have the same '{name}', by "
            "which standard errors are clustered; they need at least two"
        )
    return groups


def check_test_weight(model: ModelSpec, log: Log) -> None:
    """Raise `InputError` where none of a model's judged rows weighs anything."""
    name = log.schema.weight
    if name is None:
        return
    count = 0
    for rows in stretches(log.test, [name], expression(model.filter, log.schema)):
        if rows[name].any():
            return
        count += len(rows[name])
    raise InputError(f"model '{model.name}': all {count:,} judged rows have a '{name}' of 0")


def stretches(
    window: pa.Table | ds.Dataset, names: Sequence[str], condition: pc.Expression | None
) -> Iterator[Columns]:
    """Columns of the rows that meet the condition, in order, `COUNT_ROWS` or fewer at a time."""
    names = list(dict.fromkeys(names))
    for record in read_records(window, names, condition, size=COUNT_ROWS):
        yield {name: record[name].to_numpy(zero_copy_only=False) for name in names}


def _weights(rows: Columns, schema: Schema) -> NDArray[np.float64]:
    if schema.weight is None:
        return np.ones(len(next(iter(rows.values()))))
    return rows[schema.weight].astype(np.float64)


def _tensors(rows: Columns, *names: str) -> tuple[Tensor, ...]:
    # Copied, as Arrow's memory must not be written to and a tensor may be.
    return tuple(torch.from_numpy(rows[name].copy()) for name in names)
