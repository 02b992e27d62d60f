"""From a template and a model to a network: plain, on a single device."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchrec import KeyedJaggedTensor, PoolingType

from smt.data import Batch, Schema
from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, Embedding, Numeric
from smt.fleet import ModelSpec
from smt.layers import mlp
from smt.layers.interaction import CrossInteraction, DotInteraction, ParallelInteractions
from smt.layers.numeric import NumericToken
from smt.layers.tables import PooledTables, Table
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.template.template import Cross, Dot, PlainMLP, ResidualMLP, Template


class Representation(nn.Module):
    """Every feature as a token of one width: `Batch` -> `[B, F, D]`."""

    def __init__(
        self,
        numeric: nn.Module | None,
        embeddings: Mapping[str, nn.Module],
        ids: PooledTables | None,
        id_lists: PooledTables | None,
    ) -> None:
        super().__init__()
        self.numeric = numeric
        self.embeddings = nn.ModuleDict(embeddings)
        self.ids = ids
        self.id_lists = id_lists

    def forward(self, batch: Batch) -> Tensor:
        """`[B, F, D]`: numeric first, then embeddings, ids, lists of ids."""
        tokens = []
        if self.numeric is not None:
            tokens.append(self.numeric(batch.numeric))
        for name, project in self.embeddings.items():
            tokens.append(project(batch.embeddings[name]).unsqueeze(1))
        if self.ids is not None:
            tokens.append(self.ids(batch.ids))
        if self.id_lists is not None:
            lists = [batch.id_lists[name] for name in self.id_lists.features]
            tokens.append(self.id_lists(KeyedJaggedTensor.concat(lists)))
        return torch.cat(tokens, dim=1)


class Network(nn.Module):
    """SparseNN: representation, interaction, MLP and one logit an event."""

    def __init__(
        self, representation: nn.Module, interaction: nn.Module, over: nn.Module, head: nn.Linear
    ) -> None:
        super().__init__()
        self.representation = representation
        self.interaction = interaction
        self.over = over
        self.head = head

    def forward(self, batch: Batch) -> Tensor:
        """`[B, E]` logits of the model's E events."""
        hidden = self.over(self.interaction(self.representation(batch)))
        logits: Tensor = self.head(hidden)
        return logits


def build(
    template: Template, model: ModelSpec, schema: Schema, device: torch.device | None = None
) -> Network:
    """Make the network of a model: the template's shape over the model's features and events.

    Parameters have torch's initial values; `smt.layers.initialize` draws the ones that
    training starts from.

    Args:
        schema: That of the model's log.
        device: Where parameters live; the CPU by default.

    Raises:
        InputError: A feature or event of the model is not in the schema.
    """
    schema.require(model.features, schema.features, f"feature of model '{model.name}':")
    schema.require(model.events, schema.events, f"event of model '{model.name}':")
    with device or torch.device("cpu"):
        return _build(template, model, schema, device)


def _build(
    template: Template, model: ModelSpec, schema: Schema, device: torch.device | None
) -> Network:
    architecture = template.architecture
    dim = architecture.embedding_dim
    numeric = [name for name in model.features if isinstance(schema.columns[name], Numeric)]
    embeddings = {
        name: nn.Linear(column.dim, dim)
        for name in model.features
        if isinstance(column := schema.columns[name], Embedding)
    }
    ids = {
        name: column.num_ids
        for name in model.features
        if isinstance(column := schema.columns[name], SINGLE_ID_KINDS)
    }
    id_lists = {
        name: column.num_ids
        for name in model.features
        if isinstance(column := schema.columns[name], ID_LIST_KINDS)
    }
    representation = Representation(
        NumericToken(len(numeric), architecture.numeric_hidden, dim) if numeric else None,
        embeddings,
        _tables(ids, template, PoolingType.SUM, device),
        _tables(id_lists, template, PoolingType.MEAN, device),
    )
    num_tokens = bool(numeric) + len(embeddings) + len(ids) + len(id_lists)
    interaction = ParallelInteractions(
        [_interaction(each, num_tokens, dim) for each in architecture.interactions]
    )
    over = _over(architecture.mlp, interaction.out_features)
    head = nn.Linear(over.out_features, len(model.events))
    return Network(representation, interaction, over, head)


def _tables(
    num_ids: dict[str, int], template: Template, pooling: PoolingType, device: torch.device | None
) -> PooledTables | None:
    if not num_ids:
        return None
    features = template.features
    weighers: dict[str, list[nn.Module]] = {name: [] for name in num_ids}
    for name, rows in num_ids.items():
        if features.position_weighting is not None and pooling == PoolingType.MEAN:
            positions = features.position_weighting
            weighers[name].append(PositionWeights(positions.max_positions, positions.half_life))
        if features.frequency_gate is not None:
            weighers[name].append(FrequencyGate(rows, features.frequency_gate))
    return PooledTables(
        {name: Table(rows, (name,)) for name, rows in num_ids.items()},
        template.architecture.embedding_dim,
        pooling=pooling,
        learning_rate=template.training.table_rate,
        weighers=weighers if any(weighers.values()) else None,
        device=device,
    )


def _interaction(spec: Dot | Cross, num_tokens: int, dim: int) -> DotInteraction | CrossInteraction:
    if isinstance(spec, Dot):
        return DotInteraction(num_tokens, dim)
    return CrossInteraction(num_tokens, dim, layers=spec.layers, rank=spec.rank)


def _over(spec: PlainMLP | ResidualMLP, in_features: int) -> mlp.MLP | mlp.ResidualMLP:
    if isinstance(spec, PlainMLP):
        return mlp.MLP(in_features, spec.widths)
    return mlp.ResidualMLP(in_features, spec.width, spec.depth)
