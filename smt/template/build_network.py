"""From a template and a model to a network: plain, on a single device."""

import torch
from torch import nn

from smt.data import Schema
from smt.data.columns import Event, Numeric
from smt.errors import InputError
from smt.fleet import ModelSpec, log_schema
from smt.layers.event_losses import losses_of
from smt.layers.heads import EntireSpace, EventLogits, TowerLogits
from smt.layers.interactions.interaction import Interaction as Layer
from smt.layers.interactions.stack import Stack
from smt.layers.networks import AuxiliaryTargets, DecoupledSparseNN, Network, SparseNN, Tower
from smt.layers.representation import Representation
from smt.template.architecture import Interaction, SharedBottom, Tasks
from smt.template.build_representation import RepresentationBuilder
from smt.template.enrich import enrich_model
from smt.template.inputs import Inputs, resolve_inputs, split_sides
from smt.template.template import Template


def build(
    template: Template,
    model: ModelSpec,
    schema: Schema | None = None,
    device: torch.device | None = None,
) -> Network:
    """Make the network of a model: the template's shape over the model's features and events.

    Parameters have torch's initial values; `smt.layers.initialize` draws the ones that
    training starts from.

    Args:
        schema: That of the model's log; read from there by default.
        device: Where parameters live, "meta" included; the CPU by default.

    Raises:
        InputError: A feature or event of the model is not in the schema, the template needs
            features that the model lacks, sizes do not fit together, or the model sets a
            hyperparameter that is not exposed.
    """
    template = template.for_model(model)
    schema = schema if schema is not None else log_schema(model.log)
    model, schema = enrich_model(template, model, schema)
    inputs = resolve_inputs(template, model, schema)
    try:
        with device or torch.device("cpu"):
            return _build(template, model, schema, inputs, device)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"template '{template.name}', model '{model.name}': {error}") from None


def _build(
    template: Template,
    model: ModelSpec,
    schema: Schema,
    inputs: Inputs,
    device: torch.device | None,
) -> Network:
    columns = inputs.columns(schema)
    parents = _parents(template, model, schema)
    auxiliary = _auxiliary(template, model, schema, parents)
    labels = (*model.events, *auxiliary)

    def tower(part: Inputs) -> Tower:
        losses = losses_of(schema, labels)
        builder = RepresentationBuilder(template, part, schema, columns, losses, device)
        # What a model of one event learns beside it shares the hidden layer plainly.
        tasks = template.architecture.tasks if len(model.events) > 1 else SharedBottom()
        return _tower(template, builder, tasks, len(labels))

    reads = {
        "schema": schema,
        "features": tuple(columns),
        "events": model.events,
        "auxiliary": auxiliary,
        "chain": _chain(labels, parents),
    }
    if template.paradigm == "sparsenn":
        single = tower(inputs)
        logits = EventLogits(len(labels), single.out_features)
        targets = _targets(template, inputs, columns, schema, single.out_features)
        return SparseNN(single, logits, targets=targets, reads_steps=_reads_steps(single), **reads)
    user, item = (tower(part) for part in split_sides(inputs, schema, model))
    dim = template.architecture.tower_dim
    return DecoupledSparseNN(
        user,
        item,
        nn.ModuleList(nn.Linear(user.out_features, dim) for _ in labels),
        nn.ModuleList(nn.Linear(item.out_features, dim) for _ in labels),
        TowerLogits(len(labels), dim),
        targets=_targets(template, inputs, columns, schema, dim),
        reads_steps=_reads_steps(user) or _reads_steps(item),
        **reads,
    )


def _tower(
    template: Template, builder: RepresentationBuilder, tasks: Tasks, num_labels: int
) -> Tower:
    architecture = template.architecture
    representation = builder.build()
    stack = _stack(architecture.interactions, representation, architecture.embedding_dim)
    joined = stack.out_tokens * architecture.embedding_dim
    over, shared = tasks.build_over(architecture.mlp, joined, num_labels)
    return Tower(representation, stack, over, shared)


def _stack(interactions: tuple[Interaction, ...], below: Representation, dim: int) -> Stack:
    """All interactions of a tower, but those that would have nothing to do there."""
    num_sequences = 0 if below.steps is None else len(below.steps.readers)
    modules: list[Layer] = []
    tokens = below.num_tokens
    for spec in interactions:
        built = spec.build(tokens, dim, num_sequences)
        if built is not None:
            modules.append(built)
            tokens = built.out_tokens
    return Stack(below.num_tokens, dim, modules=modules)


def _reads_steps(tower: Tower) -> bool:
    steps = tower.representation.steps
    return steps is not None and any(
        reader.events is not None or reader.timestamps is not None
        for reader in steps.readers.values()
    )


def _parents(template: Template, model: ModelSpec, schema: Schema) -> dict[str, str]:
    """Map an event to the event that it always follows, for all events of an entire-space chain."""
    if not template.architecture.entire_space:
        return {}
    parents: dict[str, str] = {}
    binary = schema.of_kind(Event)
    for event in model.events:
        # A value comes after nothing: it has no probability to chain.
        while event in binary and (after := binary[event].after) is not None:
            parents[event] = after
            event = after
    return parents


def _auxiliary(
    template: Template, model: ModelSpec, schema: Schema, parents: dict[str, str]
) -> tuple[str, ...]:
    """Further events to learn: those that a chain needs, then those that the data part asks for."""
    needed = [event for event in schema.events if event in {*parents.values()}]
    spec = template.data.auxiliary
    if spec is not None and spec.source == "events":
        others = [event for event in schema.events if event not in (*model.events, *needed)]
        needed += others[: spec.count]
    return tuple(event for event in needed if event not in model.events)


def _chain(labels: tuple[str, ...], parents: dict[str, str]) -> EntireSpace | None:
    if not parents:
        return None
    return EntireSpace(
        tuple(labels.index(parents[event]) if event in parents else None for event in labels)
    )


def _targets(
    template: Template, inputs: Inputs, columns: list[str], schema: Schema, in_features: int
) -> AuxiliaryTargets | None:
    if not inputs.targets:
        return None
    numeric = [name for name in columns if isinstance(schema.columns[name], Numeric)]
    return AuxiliaryTargets(
        [numeric.index(name) for name in inputs.targets],
        in_features,
        missing_is_zero=template.features.remark is not None,
    )
