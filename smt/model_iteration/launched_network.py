"""A launched model's network, in the model's folder: all that loading its checkpoint needs."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from smt.data import Log, Schema, input_features
from smt.data.columns import EVENT_KINDS, Column
from smt.data.reading import Reading
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.layers.networks import Network
from smt.spec import Spec, decode_yaml
from smt.storage import Folder
from smt.template import Template, build
from smt.training.checkpoint import load_checkpoint
from smt.training.network_training import Trained
from smt.training.shared_noise import row_times

NETWORK = "network.yaml"
CHECKPOINT = "checkpoint"
# Of a column: how raw files write it, which says nothing of what a network reads.
_WRITING = {"missing", "coding", "separator", "order", "unit", "zone", "cluster"}


class LaunchedNetwork(Spec):
    """What a checkpoint is of: the content of `network.yaml`.

    Attributes:
        template: With the model's own hyperparameters in it.
        features, events: Of the model.
        columns: Of its log: the features, what they are made of, and the events.
        reading: How the log was made of raw values.
        log_digest: Of the log.
        correction: What is added to logits, because negatives were left out.
        learned_until_ms: Time of the latest row that it may have learned from.
    """

    template: Template
    features: tuple[str, ...]
    events: tuple[str, ...]
    columns: dict[str, Column]
    reading: Reading
    log_digest: str
    correction: float
    learned_until_ms: int

    @classmethod
    def of(cls, trained: Trained, template: Template, model: ModelSpec, log: Log) -> Self:
        """Of a model that was trained on a log.

        Args:
            template: As of the attributes.
        """
        windows, until = trained.windows, trained.windows.end_ms
        if trained.predictions is not None:
            # What is judged on the way is learned from too.
            until = int(row_times(windows)[-1])
        names = [*_columns_read(log.schema, model.features), *model.events]
        return cls(
            template=template,
            features=model.features,
            events=model.events,
            columns={name: log.schema.columns[name] for name in names},
            reading=log.reading,
            log_digest=log.digest,
            correction=trained.correction,
            learned_until_ms=until,
        )

    def as_model(self, model: ModelSpec) -> ModelSpec:
        """The model with what this network reads and predicts."""
        own = {"features": self.features, "events": self.events, "hyperparameters": {}}
        return model.model_copy(update=own)

    def misfit(self, model: ModelSpec, log: Log) -> str | None:
        """Why the network cannot judge a model's rows of a log; None where it can."""
        if self.events != model.events:
            said = [", ".join(events) for events in (self.events, model.events)]
            return f"it predicts {said[0]}, and the model {said[1]}"
        for name in self.features:
            if name not in model.features:
                return f"it reads '{name}', which is none of the model's features"
        for name, column in self.columns.items():
            if name not in log.schema.columns:
                return f"it reads '{name}', and the log has no such column"
            own, held = _meaning(column), _meaning(log.schema.columns[name])
            if own != held:
                key = next(key for key in {**own, **held} if own.get(key) != held.get(key))
                return (
                    f"its column '{name}' has {key} {own.get(key)}, and the log's has "
                    f"{held.get(key)}"
                )
        return self._other_ids(log)

    def _other_ids(self, log: Log) -> str | None:
        """Whether an id may be another thing's in the log."""
        for name in self.columns:
            of = log.schema.ids_of(name)
            before, now = (reading.ids.get(of) for reading in (self.reading, log.reading))
            codings = [None if coded is None else coded.coding for coded in (before, now)]
            if codings[0] != codings[1]:
                said = [coding or "those of a log without raw values" for coding in codings]
                return f"ids of '{name}' were coded otherwise: {said[0]}, and now {said[1]}"
            if codings[0] == "dictionary" and self.log_digest != log.digest:
                return (
                    f"ids of '{name}' are places in the dictionary of another log, where they are "
                    "other things; set 'coding: hash' to keep ids from log to log"
                )
        return None


def _columns_read(schema: Schema, features: tuple[str, ...]) -> list[str]:
    """Features, and what transforms are made of."""
    return list(dict.fromkeys([*features, *input_features(schema, features)]))


def _meaning(column: Column) -> dict[str, object]:
    plain = column.model_dump(mode="json", exclude=_WRITING)
    # What is predicted of a label is its kind alone.
    return {"kind": plain["kind"]} if isinstance(column, EVENT_KINDS) else plain


@dataclass(frozen=True)
class HeldNetwork:
    """A launched network, read from wherever it is.

    Attributes:
        source: Its model's folder, as a person calls it.
        files: Of the checkpoint, by name.
    """

    source: str
    record: LaunchedNetwork
    files: dict[str, bytes]

    def load(self, model: ModelSpec, schema: Schema, device: torch.device | None = None) -> Network:
        """The network with its weights. Raises `InputError` where they are not of it."""
        network = build(self.record.template, self.record.as_model(model), schema, device)
        with tempfile.TemporaryDirectory(prefix="smt-incumbent-") as scratch:
            for name, content in self.files.items():
                (Path(scratch) / name).write_bytes(content)
            try:
                load_checkpoint(network, scratch)
            except InputError as error:
                reason = str(error).replace(scratch, f"{self.source}/{CHECKPOINT}")
                raise InputError(reason) from None
        return network.eval()


def read_record(source: str) -> LaunchedNetwork:
    """What the checkpoint in a model's folder is of. Raises `InputError` where there is none."""
    folder = Folder(source)
    if not folder.exists(NETWORK):
        raise InputError(
            f"{source}: has no {NETWORK}; the folder of a model of a launch is needed, such as "
            "runs/launch/models/NAME"
        )
    where = f"{source}/{NETWORK}"
    record = LaunchedNetwork.parse(decode_yaml(folder.read(NETWORK), source=where), source=where)
    if not folder.list(CHECKPOINT):
        raise InputError(f"{source}: has no {CHECKPOINT}")
    return record


def read_network(source: str) -> HeldNetwork:
    """The network in a model's folder. Raises as `read_record`."""
    folder = Folder(source)
    files = {Path(name).name: folder.read(name) for name in folder.list(CHECKPOINT)}
    return HeldNetwork(source, read_record(source), files)
