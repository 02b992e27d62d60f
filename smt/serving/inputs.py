"""What an exported program takes: plain tensors, of the features that it reads and no others."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch.export import Dim

from smt.data.columns import ID_LIST_KINDS, SINGLE_ID_KINDS, Embedding, Numeric
from smt.layers.examples import Examples
from smt.layers.jagged import Jagged
from smt.layers.networks import Network, Tower
from smt.layers.representation import SequenceReader
from smt.serving.tables import ServingTables
from smt.spec import Spec

Tensors = dict[str, Any]
"""The argument of a program; groups that it does not read are left out.

`numeric` [B, N], `ids` [n, B], `lists` name -> ([L] ids, [B] lengths), `steps` name -> [L],
`embeddings` name -> [B, D], `timestamps` [B].
"""


class ProgramInputs(Spec):
    """The inputs of a program, by kind; within a kind they come in this order.

    Attributes:
        numeric, ids, embeddings: Features.
        lists: Lists of ids and sequences.
        steps: Columns of the events and times of steps, each with its sequence.
        timestamps: Whether the times of the impressions are read.
    """

    numeric: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    steps: dict[str, str] = {}
    embeddings: tuple[str, ...] = ()
    timestamps: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """What to read of a log."""
        return (*self.numeric, *self.ids, *self.lists, *self.embeddings)

    @property
    def reads_steps(self) -> bool:
        """Whether the steps of sequences and the times of impressions must be read."""
        return bool(self.steps) or self.timestamps

    def of(self, examples: Examples, held: "ProgramInputs") -> Tensors:
        """The program's argument.

        Args:
            held: What the examples hold: this, or more.

        Raises:
            ValueError: The examples hold something else.
        """
        if (examples.numeric.shape[1], examples.ids.shape[0]) != (len(held.numeric), len(held.ids)):
            raise ValueError(
                f"the batch has {examples.numeric.shape[1]} numeric features and "
                f"{examples.ids.shape[0]} ids, not the {len(held.numeric)} and {len(held.ids)} of "
                f"{', '.join(held.features)}"
            )
        lists = {name: examples.lists[name] for name in self.lists}
        return self._own(
            {
                "numeric": examples.numeric[:, [held.numeric.index(name) for name in self.numeric]],
                "ids": examples.ids[[held.ids.index(name) for name in self.ids]],
                "lists": {name: (of.values, of.lengths) for name, of in lists.items()},
                "steps": {name: examples.lists[name].values for name in self.steps},
                "embeddings": {name: examples.embeddings[name] for name in self.embeddings},
                "timestamps": examples.timestamps,
            }
        )

    def shapes(self) -> Tensors:
        """Which sizes may change from call to call: that of the batch, those of its lists."""
        size = Dim("batch")
        totals = {name: Dim(f"list_{place}") for place, name in enumerate(self.lists)}
        return self._own(
            {
                "numeric": {0: size},
                "ids": {1: size},
                "lists": {name: ({0: total}, {0: size}) for name, total in totals.items()},
                "steps": {name: {0: totals[of]} for name, of in self.steps.items()},
                "embeddings": {name: {0: size} for name in self.embeddings},
                "timestamps": {0: size},
            }
        )

    def _own(self, groups: Tensors) -> Tensors:
        """The groups that the program reads."""
        return {group: held for group, held in groups.items() if getattr(self, group)}


class Unpack(torch.nn.Module):
    """A program's argument as the examples that the network computes on.

    Columns that the program does not read get the values of one that it does.
    """

    def __init__(self, inputs: ProgramInputs, network: Network) -> None:
        super().__init__()
        held = held_by(network)
        self.numeric = _places(inputs.numeric, held.numeric)
        self.ids = _places(inputs.ids, held.ids)
        self.steps = inputs.steps

    def forward(self, tensors: Tensors) -> Examples:
        """Examples with as many columns as the network's batches have."""
        lists = {}
        for name, (values, lengths) in tensors.get("lists", {}).items():
            offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
            lists[name] = Jagged(values, offsets)
        for name, values in tensors.get("steps", {}).items():
            lists[name] = lists[self.steps[name]].with_values(values)
        none = torch.empty(0)
        return Examples(
            numeric=tensors["numeric"][:, self.numeric] if self.numeric else none,
            ids=tensors["ids"][self.ids] if self.ids else none,
            lists=lists,
            embeddings=tensors.get("embeddings", {}),
            timestamps=tensors.get("timestamps"),
        )


def held_by(network: Network) -> ProgramInputs:
    """What batches hold that were read with the network's features."""
    return ProgramInputs(
        numeric=_names(network, Numeric),
        ids=_names(network, *SINGLE_ID_KINDS),
        lists=_names(network, *ID_LIST_KINDS),
        steps=network.schema.steps if network.reads_steps else {},
        embeddings=_names(network, Embedding),
        timestamps=network.reads_steps,
    )


def inputs_of(network: Network, towers: Sequence[Tower]) -> ProgramInputs:
    """What these towers read, in the order of the network's batches."""
    held = held_by(network)
    read: set[str] = set()
    steps: dict[str, str] = {}
    timestamps = False
    for tower in towers:
        representation = tower.representation
        ids = representation.ids
        columns = {*representation.numeric_columns, *ids.columns.values(), *ids.quantiles.values()}
        read |= {held.numeric[column] for column in columns}
        read |= {*ids.stored, *representation.embeddings}
        for pooled in representation.pooled:
            read |= {*cast(ServingTables, pooled).features}
        if representation.steps is None:
            continue
        read |= {*representation.steps.pooled, *representation.steps.readers}
        for name, module in representation.steps.readers.items():
            reader = cast(SequenceReader, module)
            times = (reader.events, reader.timestamps)
            steps |= {column: name for column in times if column is not None}
            timestamps = timestamps or reader.timestamps is not None
    return ProgramInputs(
        numeric=tuple(name for name in held.numeric if name in read),
        ids=tuple(name for name in held.ids if name in read),
        lists=tuple(name for name in held.lists if name in read),
        steps=steps,
        embeddings=tuple(name for name in held.embeddings if name in read),
        timestamps=timestamps,
    )


def _names(network: Network, *kinds: type[Spec]) -> tuple[str, ...]:
    columns = network.schema.columns
    return tuple(name for name in network.features if isinstance(columns[name], kinds))


def _places(own: Sequence[str], held: Sequence[str]) -> list[int]:
    """For each of `held` its place in `own`; 0 where it is not there, and none of none."""
    return [own.index(name) if name in own else 0 for name in held] if own else []
