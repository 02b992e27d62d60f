"""What a network costs to run, counted."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import torch
from torch.utils.flop_counter import FlopCounterMode

from smt.data import Batch, Log, Schema, arrow_schema, columns_of, read_batches
from smt.data.columns import (
    ID_LIST_KINDS,
    SINGLE_ID_KINDS,
    Cross,
    DataConstraint,
    Sequence,
    Surface,
)
from smt.errors import InputError, sentence
from smt.fleet import Excess, Fleet, ModelSpec, log_name
from smt.layers.networks import Network
from smt.template.build_network import build
from smt.template.enrich import enrich_model
from smt.template.fleet_templates import FleetTemplates
from smt.template.template import Template

Shape = Any


def count_flops(template: Template, model: ModelSpec, schema: Schema) -> int:
    """FLOPs of one forward pass of one example.

    Matrix products as torch counts them, and the weighted sums of sequences' steps. Every
    sequence is as long as the template reads; lists have one id. Both towers of a decoupled
    network count. Table look-ups cost bytes, not FLOPs: the network is built here with
    one-row tables.
    """
    template = template.for_model(model)
    model, schema = enrich_model(template, model, schema)
    crosses = template.features.crosses
    if crosses is not None:
        template = template.change(
            "features", crosses=crosses.model_copy(update={"num_ids": 1}).model_dump()
        )
    small = Schema(columns={name: _one_row(column) for name, column in schema.columns.items()})
    network = build(template, model, small).eval()
    example = one_example(network, steps=template.features.max_steps)
    return flops_of(lambda: network(example))


def flops_of(compute: Callable[[], object]) -> int:
    """FLOPs of a computation: of its matrix products and of the weighted sums of steps."""
    counting = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.index_add: _index_add})
    with counting as counter, torch.no_grad():
        compute()
    return int(counter.get_total_flops())


def count_fleet_flops(templates: FleetTemplates, fleet: Fleet, logs: dict[str, Log]) -> Fleet:
    """The fleet with every model's `inference_flops` counted under its template.

    Args:
        logs: By `log_name`; their schemas are used.

    Raises:
        InputError: Memory does not hold a model's network.
    """
    counted: dict[tuple[object, ...], int] = {}
    models = []
    for model in fleet.models:
        name = log_name(model.log)
        own = tuple(sorted(model.hyperparameters.items()))
        inputs = (templates.names[model.name], name, model.features, model.events, own)
        if inputs not in counted:
            try:
                counted[inputs] = count_flops(templates.of(model), model, logs[name].schema)
            except (MemoryError, RuntimeError) as error:
                raise InputError(
                    f"model '{model.name}': its network cannot be built: {sentence(error)}"
                ) from None
        models.append(model.model_copy(update={"inference_flops": counted[inputs]}))
    return fleet.model_copy(update={"models": tuple(models)})


def above_flops_limit(template: Template, model: ModelSpec) -> Excess | None:
    """How far a model whose FLOPs are counted is above what a template lets it have, if it is."""
    if not template.serving.enforce_flops_limit:
        return None
    limits = model.limits.tighter(template.serving.limits)
    return next(iter(limits.exceeded(flops=model.inference_flops)), None)


def one_example(network: Network, *, steps: int) -> Batch:
    """A batch of one: zeros everywhere, sequences of `steps` steps, lists of one id."""
    schema, features, events = network.schema, network.features, network.labels
    sequences = {*schema.names(Sequence), *schema.steps}
    columns = {}
    for name in columns_of(schema, features, events, steps=True):
        kind = arrow_schema(schema).field(name).type
        if pa.types.is_fixed_size_list(kind):
            columns[name] = pa.array([[0.0] * kind.list_size], kind)
        elif pa.types.is_list(kind):
            columns[name] = pa.array([[0] * (steps if name in sequences else 1)], kind)
        else:
            columns[name] = pa.array([0], kind)
    table = pa.table(columns)
    return next(
        read_batches(table, schema, features=features, events=events, batch_size=1, steps=True)
    )


def _one_row(column: Any) -> Any:
    if isinstance(column, (Surface, DataConstraint)):
        # Names need ids of their own.
        column = column.model_copy(update={"names": None})
    if isinstance(column, (*SINGLE_ID_KINDS, *ID_LIST_KINDS, Cross)):
        return column.model_copy(update={"num_ids": 1})
    return column


def _index_add(self: Shape, dim: int, index: Shape, source: Shape, **_: object) -> int:
    """A multiplication and an addition for every weighted value."""
    return 2 * int(torch.Size(source).numel())
