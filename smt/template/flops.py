"""What a network costs to run, counted."""

import torch
from torch.utils.flop_counter import FlopCounterMode
from torchrec import KeyedJaggedTensor

from smt.data import Batch, Log, Schema
from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, Embedding, Numeric
from smt.fleet import Fleet, ModelSpec, log_name
from smt.spec import Spec
from smt.template.build import build
from smt.template.template import Template


def count_flops(template: Template, model: ModelSpec, schema: Schema) -> int:
    """FLOPs of one forward pass of one example: matrix products, as torch counts them.

    Table look-ups cost bytes, not FLOPs, so the network is built here with one-row tables.
    """
    columns = {
        name: column.model_copy(update={"num_ids": 1}) if hasattr(column, "num_ids") else column
        for name, column in schema.columns.items()
    }
    small = Schema(columns=columns)
    network = build(template, model, small).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(_one_example(model, small))
    return int(counter.get_total_flops())


def count_fleet_flops(template: Template, fleet: Fleet, logs: dict[str, Log]) -> Fleet:
    """The fleet with every model's `inference_flops` counted under one template.

    Args:
        logs: By `log_name`; their schemas are used.
    """
    counted: dict[tuple[object, ...], int] = {}
    models = []
    for model in fleet.models:
        name = log_name(model.log)
        inputs = (name, model.features, len(model.events))
        if inputs not in counted:
            counted[inputs] = count_flops(template, model, logs[name].schema)
        models.append(model.model_copy(update={"inference_flops": counted[inputs]}))
    return fleet.model_copy(update={"models": tuple(models)})


def _one_example(model: ModelSpec, schema: Schema) -> Batch:
    columns: dict[str, Spec] = {name: schema.columns[name] for name in model.features}
    ids = [name for name, column in columns.items() if isinstance(column, SINGLE_ID_KINDS)]
    numeric = [name for name, column in columns.items() if isinstance(column, Numeric)]
    return Batch(
        numeric=torch.zeros(1, len(numeric)),
        ids=_zeros(ids),
        id_lists={
            name: _zeros([name])
            for name, column in columns.items()
            if isinstance(column, ID_LIST_KINDS)
        },
        embeddings={
            name: torch.zeros(1, column.dim)
            for name, column in columns.items()
            if isinstance(column, Embedding)
        },
        labels=torch.zeros(1, len(model.events)),
        weights=torch.ones(1),
    )


def _zeros(keys: list[str]) -> KeyedJaggedTensor:
    return KeyedJaggedTensor(
        keys=keys,
        values=torch.zeros(len(keys), dtype=torch.int64),
        lengths=torch.ones(len(keys), dtype=torch.int32),
    )
