"""The rows of a log that are one model's."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import torch
from numpy.typing import NDArray
from torch import Tensor

from smt.data import Filter, Log, expression
from smt.data.labels import mature_labels
from smt.data.schema import Surface
from smt.errors import InputError
from smt.fleet import ModelSpec, model_columns
from smt.template import Template

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Windows:
    """A model's training and test rows.

    Attributes:
        log: The model's rows where they are in memory; else the whole log.
        where: The filter still to be applied; None where the rows are the model's already.
        labels: event -> `[rows]` of the training window, of all events asked for.
        delays: event -> `[rows]` milliseconds until it happened, of those that have delays.
        times: `[rows]` milliseconds, of the training window.
        surfaces: `[rows]` codes, of the training window; None without a surface column.
        weights: `[rows]`; None without a weight column.
    """

    log: Log
    where: Filter | None
    labels: dict[str, NDArray[np.int8]]
    delays: dict[str, NDArray[np.int64]]
    times: NDArray[np.int64]
    surfaces: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None

    @property
    def rows(self) -> int:
        """Rows of the model in the training window."""
        return len(self.times)

    @property
    def end_ms(self) -> int:
        """When the training window ends: the time of its last row."""
        return int(self.times[-1]) if len(self.times) else 0

    @property
    def condition(self) -> pc.Expression | None:
        """The filter still to be applied, as Arrow has it."""
        return expression(self.where or {}, self.log.schema)

    def base_rate(self, event: str) -> float:
        """The event's weighted rate in the training window."""
        return float(np.average(self.labels[event], weights=self.weights))

    def known(self, event: str, window_ms: int | None = None) -> NDArray[np.float32]:
        """`[rows]` labels as the training window's end knew them: of an event with a delay.

        Args:
            window_ms: Later events do not count; None counts all that are known.
        """
        known: NDArray[np.float32] = (self.labels[event] == 1).astype(np.float32)
        if event in self.delays:
            labels, _ = mature_labels(
                *self.delayed(event), window_ms=window_ms, observed_until_ms=self.end_ms
            )
            known = labels.numpy()
        return known

    def delayed(self, event: str) -> tuple[Tensor, Tensor, Tensor]:
        """`[rows]` labels and delays of an event that has delays, and the times, as tensors."""
        arrays = (self.labels[event], self.delays[event], self.times)
        # Copied, as Arrow's memory must not be written to and a tensor may be.
        labels, delays, times = (torch.from_numpy(each.copy()) for each in arrays)
        return labels, delays, times

    def known_rate(self, event: str, window_ms: int | None = None) -> float:
        """The weighted rate of the labels that were known."""
        return float(np.average(self.known(event, window_ms), weights=self.weights))


def conversion_window_ms(template: Template) -> int | None:
    """How long after an impression an event with a delay counts; None: for ever."""
    spec = template.data.conversion_window
    return None if spec is None else round(spec.hours * HOUR_MS)


def model_windows(model: ModelSpec, log: Log, events: tuple[str, ...] | None = None) -> Windows:
    """Select a model's rows; tables in memory are filtered once here, datasets while read.

    Args:
        events: Those whose training labels are read; the model's by default.
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
        log, condition = Log(schema, train, test, log.digest), None
    surface = schema.names(Surface)
    delays = {event: delay for delay, event in schema.delays.items() if event in events}
    names = [*events, *delays.values(), schema.timestamp, *surface]
    if schema.weight is not None:
        names.append(schema.weight)
    if isinstance(log.train, pa.Table):
        observed = log.train.select(names)
    else:
        observed = log.train.to_table(columns=names, filter=condition)
    return Windows(
        log=log,
        where=model.filter if condition is not None else None,
        labels={event: observed[event].to_numpy() for event in events},
        delays={event: observed[delay].to_numpy() for event, delay in delays.items()},
        times=observed[schema.timestamp].to_numpy(),
        surfaces=observed[surface[0]].to_numpy() if surface else None,
        weights=None if schema.weight is None else observed[schema.weight].to_numpy(),
    )


def read_groups(model: ModelSpec, log: Log) -> NDArray[np.int64] | None:
    """`[n]` ids by which a model's test rows are clustered, in the log's order.

    Whether or not the model's features include them; None where all rows are independent.

    Raises:
        InputError: All of the rows have one id: no standard error can be told from them.
    """
    name = log.schema.cluster
    if name is None:
        return None
    window = log.test if isinstance(log.test, ds.Dataset) else ds.dataset(log.test)
    rows = window.to_table(columns=[name], filter=expression(model.filter, log.schema))
    groups: NDArray[np.int64] = rows[name].to_numpy()
    if len(rows) and (groups == groups[0]).all():
        raise InputError(
            f"model '{model.name}': all {len(rows):,} test rows have the same '{name}', by which "
            "standard errors are clustered; they need at least two"
        )
    return groups
