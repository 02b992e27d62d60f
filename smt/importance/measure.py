"""How much a model's network relies on each of its features."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import torch
from numpy.typing import NDArray
from torch import Tensor

from smt.data import Log, Schema, columns_of, expression
from smt.data.columns import Event
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.importance.attribution import attribute
from smt.layers.networks import Network
from smt.layers.representation import Ids, Representation
from smt.results.importance import ImportanceSettings, Method
from smt.template import Template
from smt.template.features import FeatureType, Selection
from smt.template.inputs import feature_type
from smt.training.course import device_of
from smt.training.metrics import paired_delta
from smt.training.network_training import Trained, train_network
from smt.training.predict import EVALUATION_BATCH, judge, judged_batches, predict
from smt.training.windows import Windows

MEASURED_SHARE = 0.1

SCHEMA = pa.schema(
    {
        "feature": pa.string(),
        "type": pa.string(),
        "importance": pa.float64(),
        "sem": pa.float64(),
        "method": pa.string(),
        "model": pa.string(),
        "events": pa.list_(pa.string()),
        "ne": pa.float64(),
        "rows": pa.int64(),
    }
)


def feature_importance(
    template: Template,
    model: ModelSpec,
    log: Log,
    settings: ImportanceSettings,
) -> pa.Table:
    """Importance of all of a model's features, whatever the template selects of them.

    The network learns from the first part of the training window and is measured on the
    last, so that the test window has no say in which features are selected.

    Returns:
        What the methods return, and the `seed`.

    Raises:
        InputError: The model does not fit its log, or its window has too little to split.
        DivergedError: A loss was not finite.
    """
    # Rows that the network has learned from would tell what it remembers, not what it relies on.
    template = template.change("features", selection=Selection()).change("training", judge="frozen")
    trained = train_network(template, model, hold_out(model, log), seed=settings.seed)
    measure = {"permutation": permutation_importance, "gradient": gradient_importance}
    table = pa.concat_tables(measure[name](trained, model, settings) for name in settings.methods)
    return table.append_column("seed", pa.array([settings.seed] * len(table), pa.int64()))


def hold_out(model: ModelSpec, log: Log, share: float = MEASURED_SHARE) -> Log:
    """A model's training window as a log of its own; the last `share` of it is the test window.

    Raises:
        InputError: The rows cannot be split by time, or one of the model's events never, or
            always, happens in a part.
    """
    held = log.hold_out(share, model.filter)
    for part, window in (f"first {1 - share:.0%}", held.train), (f"last {share:.0%}", held.test):
        rows = ds.dataset(window) if isinstance(window, pa.Table) else window
        labels = rows.to_table([*model.events], filter=expression(model.filter, log.schema))
        for event in model.events:
            least, most = pc.min_max(labels[event]).as_py().values()
            if least == most:
                binary = event in log.schema.names(Event)
                same = f"is {most:g}" if most and not binary else "happens"
                raise InputError(
                    f"model '{model.name}': event '{event}' {'always' if most else 'never'} "
                    f"{same} in the {part} of its training rows, so no importance can be measured"
                )
    return held


def permutation_importance(
    trained: Trained, model: ModelSpec, settings: ImportanceSettings
) -> pa.Table:
    """By how many percent the normalized loss rises where a feature's values are another row's.

    As Breiman (2001) has it, on the test window of the log that the network was trained on; see
    `hold_out`. A stored feature's values, a sequence's with the events and times of its steps, are
    permuted over all rows in Arrow, and so reach all that is made of them; a transform's ids
    are permuted within a batch, and its sources stay. Scikit-learn's function wants a matrix
    of all features, which lists, and rows that stream, do not make. All features have the same
    permutations.

    Returns:
        A row for every feature that the network reads: feature, type, importance and its
        standard error `sem` (percent of the loss, paired by example, clustered where the schema
        says by what), method, model, events, `ne` (the normalized loss with all features in
        place), rows.

    Raises:
        InputError: The rows are all of one cluster.
    """
    table = _measured(trained, settings.rows)
    schema = trained.reads.schema
    base = _losses(trained, table)
    generator = np.random.default_rng(settings.seed)
    orders = [generator.permutation(len(table)) for _ in range(settings.repeats)]
    changed = {}
    for feature in features_of(trained.reads):
        if feature in schema.stored:
            columns = [feature, *(step for step, of in schema.steps.items() if of == feature)]
            losses = [_losses(trained, _permuted(table, columns, order)) for order in orders]
        else:
            with _shuffled_ids(trained.reads, feature, settings.seed):
                losses = [_losses(trained, table) for _ in orders]
        changed[feature] = np.mean(losses, axis=0)
    return _table("permutation", model, table, schema, base, changed)


def gradient_importance(
    trained: Trained, model: ModelSpec, settings: ImportanceSettings
) -> pa.Table:
    """By how many percent of the normalized loss a feature's values change it, to first order.

    One pass over the rows, whatever the number of features: the mean absolute share that
    `attribute` gives a feature. Changes of both signs count, so this is never negative, and
    is larger than what permutation finds. Trained by one worker; otherwise as
    `permutation_importance`.
    """
    backgrounds = trained.windows.backgrounds(model.events).values()
    device = device_of()
    scale = torch.tensor([each.loss for each in backgrounds], dtype=torch.float64, device=device)
    losses, weights = [], []
    changes: dict[str, list[Tensor]] = {name: [] for name in features_of(trained.reads)}
    table = _measured(trained, settings.rows)
    for batch in judged_batches(trained.reads, _judging(trained, table), EVALUATION_BATCH):
        weighed, shares = attribute(trained.reads, batch.to(device), trained.correction, scale)
        losses.append(weighed.cpu())
        weights.append(batch.weights.double())
        for name, share in shares.items():
            changes[name].append(share.abs().double().cpu())
    mean = torch.cat(weights).mean()
    base = torch.cat(losses) / mean
    changed = {name: (base + torch.cat(parts) / mean).numpy() for name, parts in changes.items()}
    return _table("gradient", model, table, trained.reads.schema, base.numpy(), changed)


def features_of(network: Network) -> list[str]:
    """The features that a network's predictions read, transforms included, in its order."""
    names: list[str] = []
    for module in network.modules():
        if isinstance(module, Representation):
            names += [*module.numeric_names, *module.rated]
            names += [name for name in module.token_names if name is not None]
    return list(dict.fromkeys(names))


def _table(
    method: Method,
    model: ModelSpec,
    measured: pa.Table,
    schema: Schema,
    base: NDArray[np.float64],
    changed: Mapping[str, NDArray[np.float64]],
) -> pa.Table:
    """A row a feature, from `[n]` contributions to NE with and without its own values."""
    groups = None if schema.cluster is None else measured[schema.cluster].to_numpy()
    rows = []
    for feature, losses in changed.items():
        delta, sem = paired_delta(base, losses, groups)
        kind: FeatureType = (
            feature_type(schema, feature) if feature in schema.columns else "transform"
        )
        rows.append(
            {
                "feature": feature,
                "type": kind,
                # Without the sign of a zero.
                "importance": 0.0 - delta,
                "sem": sem,
                "method": method,
                "model": model.name,
                "events": list(model.events),
                "ne": float(np.mean(base)),
                "rows": len(base),
            }
        )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _measured(trained: Trained, rows: int | None) -> pa.Table:
    """What the network reads of the test window, or of so many rows spread over it.

    And what the rows are clustered by.
    """
    windows, reads = trained.windows, trained.reads
    schema = windows.log.schema
    clusters = [] if schema.cluster is None else [schema.cluster]
    columns = columns_of(
        schema, reads.features, reads.events, steps=reads.reads_steps, extra=clusters
    )
    test = windows.log.test
    table = (
        test.select(columns)
        if isinstance(test, pa.Table)
        else test.to_table(columns=columns, filter=windows.condition)
    )
    if rows is not None and rows < len(table):
        # The first rows would be those of a few hours, where much stands still.
        table = table.take(np.arange(rows) * len(table) // rows)
    return table.combine_chunks()


def _judging(trained: Trained, table: pa.Table) -> Windows:
    """The model's rows, with a table's in place of those that are judged."""
    log = replace(trained.windows.log, test=table)
    return replace(trained.windows, log=log, where=None)


def _losses(trained: Trained, table: pa.Table) -> NDArray[np.float64]:
    """`[n]` contributions of a table's rows to NE."""
    windows = _judging(trained, table)
    predictions = predict(trained.network, trained.reads, windows, trained.correction, device_of())
    backgrounds = windows.backgrounds(trained.reads.events)
    return judge(predictions, backgrounds)[1].astype(np.float64)


def _permuted(table: pa.Table, columns: Sequence[str], order: NDArray[np.int64]) -> pa.Table:
    for name in columns:
        # A network that reads no steps has no such columns.
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, table.field(name), table[name].take(order))
    return table


@contextmanager
def _shuffled_ids(network: Network, name: str, seed: int) -> Iterator[None]:
    """Let a transform's ids be those of other rows of the batch."""
    generator = torch.Generator().manual_seed(seed)

    def shuffle(_: object, args: object, ids: dict[str, Tensor]) -> dict[str, Tensor]:
        if name not in ids:
            return ids
        order = torch.randperm(len(ids[name]), generator=generator)
        return {**ids, name: ids[name][order.to(ids[name].device)]}

    with ExitStack() as stack:
        for module in network.modules():
            if isinstance(module, Ids):
                stack.callback(module.register_forward_hook(shuffle).remove)
        yield
