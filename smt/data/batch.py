"""Batches of examples for a network, out of Arrow columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import torch
import torch.utils.dlpack
from numpy.typing import NDArray
from torch import Tensor
from torchrec import KeyedJaggedTensor

from smt.data.columns import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    Embedding,
    Event,
    Numeric,
    Value,
)
from smt.data.columns import Sequence as SequenceColumn
from smt.data.filter import Filter, expression
from smt.data.needed_columns import columns_of, input_features
from smt.data.records import read_records
from smt.data.schema import Schema
from smt.errors import InputError


@dataclass(frozen=True)
class Batch:
    """B examples; each group holds the `input_features` of those asked for, in that order.

    Attributes:
        numeric: `[B, N]` float32, NaN where missing.
        ids: one id a feature and example.
        id_lists: feature -> its lists; values alias the log's Arrow buffer. A sequence's
            step columns are here too, under their own names, when asked for.
        embeddings: feature -> `[B, D]` float32; aliases the log's Arrow buffer.
        labels: `[B, E]` float32, 0 or 1, or values; their means where the truth was asked for.
        weights: `[B]` float32; ones where the log has no weight column.
        timestamps: `[B]` int64 milliseconds: when the impressions happened; None unless
            steps were asked for.
        extra: column -> `[B]` int64, as asked for.
        floors: `[B, E]` float32 expected deviances of predicting the truth, 0 of binary events;
            None unless the truth of a value was asked for.
    """

    numeric: Tensor
    ids: KeyedJaggedTensor
    id_lists: dict[str, KeyedJaggedTensor]
    embeddings: dict[str, Tensor]
    labels: Tensor
    weights: Tensor
    timestamps: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)
    floors: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return replace(
            self,
            numeric=self.numeric.to(device),
            ids=self.ids.to(device),
            id_lists={name: lists.to(device) for name, lists in self.id_lists.items()},
            embeddings={name: vectors.to(device) for name, vectors in self.embeddings.items()},
            labels=self.labels.to(device),
            weights=self.weights.to(device),
            timestamps=None if self.timestamps is None else self.timestamps.to(device),
            extra={name: values.to(device) for name, values in self.extra.items()},
            floors=None if self.floors is None else self.floors.to(device),
        )


def read_batches(
    rows: pa.Table | ds.Dataset,
    schema: Schema,
    *,
    features: Sequence[str],
    events: Sequence[str],
    where: Filter | None = None,
    batch_size: int,
    skip: int = 0,
    kept: NDArray[np.bool_] | None = None,
    steps: bool = False,
    extra: Sequence[str] = (),
    shard: tuple[int, int] = (0, 1),
    truth: bool = False,
) -> Iterator[Batch]:
    """Read batches of exactly `batch_size` rows (the last may be shorter), in the log's order.

    Only the columns that `columns_of` names are read, and only the row groups of a Parquet
    dataset that hold a row of these batches. Rows stream, decoded ahead of their use: a log
    larger than memory is fine. See `smt.data.records`.

    Args:
        rows: A window of a log: a dataset on disk, or a table in memory.
        skip: Leave out the first so many of the rows that `where` and `kept` keep.
        kept: `[n]`, of the n rows that `where` keeps, those that are read; all where None.
        steps: Also read the event and timestamp lists of sequences, and the timestamps.
        extra: Also read these columns of one int64 a row: ids, the timestamp, delays.
        shard: `(rank, world)`: of every `world` batches, give only number `rank`, and drop
            an incomplete last round, so that all ranks make the same number of steps.
        truth: Labels are the probabilities of the events and the expected values, which simulated
            logs have.

    Raises:
        InputError: A feature, an event, an extra or a filter's column is not in the schema, an
            event's truth is not known, or a file is not on this machine.
    """
    labels = [_truth_of(schema, event) for event in events] if truth else [*events]
    floors = _floors_of(schema, events) if truth else {}
    columns = columns_of(schema, features, () if truth else events, steps=steps, extra=extra)
    columns += [*labels, *floors.values()] if truth else []
    inputs = input_features(schema, features)
    records = read_records(
        rows,
        columns,
        expression(where or {}, schema),
        size=batch_size,
        skip=skip,
        kept=kept,
        shard=shard,
    )
    for record in records:
        batch = _to_batch(record, schema, inputs, labels, steps, extra)
        yield replace(batch, floors=_floors(record, events, floors)) if floors else batch


def _truth_of(schema: Schema, event: str) -> str:
    schema.require([event], schema.events, "event")
    label = schema.label(event)
    if label.truth is None:
        what = "probability" if isinstance(label, Event) else "mean"
        raise InputError(
            f"the true {what} of '{event}' is not known: only simulated logs tell it, "
            "so set judge to 'progressive'"
        )
    return label.truth


def _floors_of(schema: Schema, events: Sequence[str]) -> dict[str, str]:
    """Value event -> the column of its floor, of events whose truth is known."""
    labels = {event: schema.label(event) for event in events}
    return {
        event: label.floor
        for event, label in labels.items()
        if isinstance(label, Value) and label.floor is not None
    }


def _to_batch(
    chunk: pa.RecordBatch,
    schema: Schema,
    inputs: list[str],
    labels: list[str],
    steps: bool,
    extra: Sequence[str],
) -> Batch:
    size = len(chunk)
    numeric, ids = [], []
    id_lists: dict[str, KeyedJaggedTensor] = {}
    embeddings: dict[str, Tensor] = {}
    for name in inputs:
        column = schema.columns[name]
        if isinstance(column, Numeric):
            numeric.append(name)
        elif isinstance(column, SINGLE_ID_KINDS):
            ids.append(name)
        elif isinstance(column, ID_LIST_KINDS):
            id_lists[name] = _jagged(name, chunk.column(name))
            if steps and isinstance(column, SequenceColumn):
                id_lists |= {step: _jagged(step, chunk.column(step)) for step in column.steps}
        elif isinstance(column, Embedding):
            embeddings[name] = _alias(chunk.column(name).flatten()).view(size, column.dim)
    return Batch(
        numeric=_stack(chunk, numeric).T.contiguous(),
        ids=KeyedJaggedTensor(
            keys=ids,
            values=_stack(chunk, ids, dtype=np.int64).view(-1),
            lengths=torch.ones(len(ids) * size, dtype=torch.int32),
        ),
        id_lists=id_lists,
        embeddings=embeddings,
        labels=_stack(chunk, labels).T.contiguous(),
        weights=torch.ones(size) if schema.weight is None else _alias(chunk.column(schema.weight)),
        timestamps=_alias(chunk.column(schema.timestamp)) if steps else None,
        extra={name: _alias(chunk.column(name)) for name in extra},
    )


def _floors(chunk: pa.RecordBatch, events: Sequence[str], columns: dict[str, str]) -> Tensor:
    """`[B, E]`: of values, what their columns hold."""
    floors = torch.zeros(len(chunk), len(events))
    for place, event in enumerate(events):
        if event in columns:
            floors[:, place] = _alias(chunk.column(columns[event]))
    return floors


def _stack(chunk: pa.RecordBatch, names: list[str], dtype: type = np.float32) -> Tensor:
    """Columns as one `[len(names), B]` tensor."""
    if not names:
        return torch.empty((0, len(chunk)), dtype=torch.from_numpy(np.empty(0, dtype)).dtype)
    arrays = [chunk.column(name).to_numpy(zero_copy_only=False) for name in names]
    return torch.from_numpy(np.stack(arrays).astype(dtype, copy=False))


def _jagged(name: str, lists: pa.ListArray) -> KeyedJaggedTensor:
    """One list column as a KeyedJaggedTensor whose values alias the Arrow buffer."""
    offsets = _alias(lists.offsets)
    return KeyedJaggedTensor(
        keys=[name],
        values=_alias(lists.flatten()),
        lengths=offsets.diff(),
        offsets=offsets - offsets[0],
    )


def _alias(array: pa.Array) -> Tensor:
    """A tensor over the same memory as an Arrow array without nulls."""
    return torch.utils.dlpack.from_dlpack(array)
