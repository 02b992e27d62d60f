"""A program that `export_network` left, loaded: on batches, and on raw rows."""

from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from smt.data import Batch
from smt.data.coding import flat
from smt.data.schema import Schema
from smt.data.sources.raw_rows import Codings, code_rows
from smt.layers.examples import Examples
from smt.serving.id_inputs import IdInput
from smt.serving.inputs import ProgramInputs, Tensors


@dataclass(frozen=True)
class Served:
    """What a program made of raw rows.

    Attributes:
        scores: `[B, E]` probabilities or means, or `[B, E, V]` vectors of a tower.
        unknown: By column, values that the log does not know or that cannot be read: they
            counted as missing.
        missing: By column, values that are none.
    """

    scores: Tensor
    unknown: dict[str, int]
    missing: dict[str, int]


@dataclass(frozen=True)
class Exported:
    """A program on batches, and on raw rows.

    Attributes:
        held: What the batches hold: of `network`, what is read with the network's features;
            of a tower, what is read with the tower's own.
        ids: How the ids of its inputs are made.
        codings: How raw values become columns of its log.
        unknown: By input, the ids outside [0, num_ids) of all calls so far; they count as missing.
    """

    program: Callable[[Tensors], Tensor]
    inputs: ProgramInputs
    held: ProgramInputs
    device: torch.device
    ids: Mapping[str, IdInput]
    codings: Codings
    unknown: Counter[str] = field(default_factory=Counter)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Tensor:
        """`[B, E]` probabilities or means, or `[B, E, V]` vectors of a tower."""
        here = self.inputs.of(Examples.of(batch, training=False), self.held)
        self.unknown.update(count_unknown(here, self.inputs, self.ids))
        examples = Examples.of(batch.to(self.device), training=False)
        return self.program(self.inputs.of(examples, self.held))

    def serve(self, rows: pa.Table | Several[Mapping[str, Any]]) -> Served:
        """Code raw rows as `prepare_data` coded the log, and score them.

        No row dies of another: what cannot be read counts as missing.

        Args:
            rows: With the columns that the program reads, as a file of the log has them; other
                columns are ignored.

        Raises:
            InputError: A column is not there, or of a type that it can never have.
        """
        schema = self.codings.schema
        times = (schema.timestamp,) if self.inputs.timestamps else ()
        columns = (*self.inputs.features, *times)
        coded = code_rows(_as_table(rows, schema), columns, self.codings)
        tensors = tensors_of(coded.table, self.inputs, schema.timestamp, self.device)
        with torch.no_grad():
            scores = self.program(tensors)
        self.unknown.update({name: count for name, count in coded.unknown.items() if count})
        return Served(scores, coded.unknown, coded.missing)


def tensors_of(
    table: pa.Table, inputs: ProgramInputs, timestamp: str, device: torch.device
) -> Tensors:
    """A program's argument, of columns as a log has them."""

    def values(name: str) -> Tensor:
        column = flat(table[name])
        if isinstance(column, pa.ListArray | pa.FixedSizeListArray):
            column = column.flatten()
        # Arrow's memory must not be written to, and a tensor may be.
        return torch.from_numpy(column.to_numpy(zero_copy_only=False).copy()).to(device)

    def lengths(name: str) -> Tensor:
        counts = pc.list_value_length(flat(table[name])).cast(pa.int64())
        return torch.from_numpy(counts.to_numpy(zero_copy_only=False).copy()).to(device)

    tensors: Tensors = {}
    if inputs.numeric:
        tensors["numeric"] = torch.stack([values(name) for name in inputs.numeric], dim=1)
    if inputs.ids:
        tensors["ids"] = torch.stack([values(name) for name in inputs.ids])
    if inputs.lists:
        tensors["lists"] = {name: (values(name), lengths(name)) for name in inputs.lists}
    if inputs.steps:
        tensors["steps"] = {name: values(name) for name in inputs.steps}
    if inputs.embeddings:
        tensors["embeddings"] = {
            name: values(name).view(len(table), table.schema.field(name).type.list_size)
            for name in inputs.embeddings
        }
    if inputs.timestamps:
        tensors["timestamps"] = values(timestamp)
    return tensors


def count_unknown(
    tensors: Tensors, inputs: ProgramInputs, ids: Mapping[str, IdInput]
) -> dict[str, int]:
    """Input -> how many of its ids are outside [0, num_ids), of those that have any."""
    values = dict(zip(inputs.ids, tensors.get("ids", ()), strict=True))
    values |= {name: elements for name, (elements, _) in tensors.get("lists", {}).items()}
    values |= {name: steps for name, steps in tensors.get("steps", {}).items() if name in ids}
    counts = {
        name: int(((codes < 0) | (codes >= ids[name].num_ids)).sum())
        for name, codes in values.items()
    }
    return {name: count for name, count in counts.items() if count}


def _as_table(rows: pa.Table | Several[Mapping[str, Any]], schema: Schema) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    names = [*schema.columns, *schema.steps]
    # A column that no row has is missed by name later; no rows have all.
    held = [name for name in names if not rows or any(name in row for row in rows)]
    return pa.table({name: _column([row.get(name) for row in rows]) for name in held})


def _column(values: list[Any]) -> pa.Array:
    """One array, of texts where values are of several types."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
