"""A representation, from a template's features part and the features that it read."""

import torch
from torch import nn
from torchrec import PoolingType

from smt.data import Schema
from smt.data.columns import SINGLE_ID_KINDS, Bucket, Embedding, IdList, Numeric, Sequence
from smt.layers.event_losses import EventLosses
from smt.layers.hashing import MultiHash
from smt.layers.numeric import NormalisedToken, PiecewiseLinearTokens, StandardisedToken
from smt.layers.past_rates import PastRatesToken
from smt.layers.representation import Ids, Representation, Steps
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables, Table
from smt.layers.transforms import BucketIds, CrossIds
from smt.layers.unknown import UnknownAsMissing
from smt.layers.weighers import FrequencyGate, PositionWeights
from smt.template.architecture import singles
from smt.template.build_sequences import build_pooler, build_reader
from smt.template.features import (
    AttentionPooling,
    HeldPiecewiseLinear,
    Normalised,
    PiecewiseLinear,
    SumPooling,
    TargetAttention,
)
from smt.template.inputs import Inputs, QuantileBucket
from smt.template.template import Template


class RepresentationBuilder:
    """Makes the representation of one tower.

    Args:
        columns: What batches hold, in order: the columns of all towers.
        losses: Of the events whose past rates are read.
    """

    def __init__(
        self,
        template: Template,
        inputs: Inputs,
        schema: Schema,
        columns: list[str],
        losses: EventLosses,
        device: torch.device | None,
    ) -> None:
        self.template = template
        self.features = template.features
        self.dim = template.architecture.embedding_dim
        self.inputs = inputs
        self.schema = schema
        self.numeric_columns = [n for n in columns if isinstance(schema.columns[n], Numeric)]
        self.id_rows = [n for n in columns if isinstance(schema.columns[n], SINGLE_ID_KINDS)]
        self.sequences = schema.of_kind(Sequence)
        self.losses = losses
        self.device = device
        self.row_wise = template.training.table_optimizer == "row_wise_adagrad"

    def build(self) -> Representation:
        """The representation; its tokens are those of `Representation`'s order."""
        inputs = self.inputs
        numeric, numeric_tokens = self._numeric()
        past_rates = self._past_rates()
        vectors = self.schema.of_kind(Embedding)
        embeddings = {name: nn.Linear(vectors[name].dim, self.dim) for name in inputs.embeddings}
        groups = self._groups()
        stepped = [group for group in groups if any(map(self._is_stepped, group.features))]
        pooled = self._pooled([group for group in groups if group not in stepped])
        id_tokens = sum(len(group.features) for group in groups)
        return Representation(
            numeric=numeric,
            numeric_columns={name: self.numeric_columns.index(name) for name in inputs.numeric},
            past_rates=past_rates,
            rated=inputs.past_rates,
            embeddings=embeddings,
            ids=self._ids(),
            pooled=pooled,
            steps=self._steps(stepped) if stepped else None,
            unknown=self._unknown(),
            num_tokens=numeric_tokens + (past_rates is not None) + len(embeddings) + id_tokens,
        )

    def _numeric(self) -> tuple[nn.Module | None, int]:
        count = len(self.inputs.numeric)
        if count == 0:
            return None, 0
        spec = self.features.numeric
        if isinstance(spec, PiecewiseLinear | HeldPiecewiseLinear):
            encoder = PiecewiseLinearTokens(
                count,
                bins=spec.bins,
                dim=self.dim,
                tokens=spec.tokens,
                held=isinstance(spec, HeldPiecewiseLinear),
            )
            return encoder, spec.tokens
        token = NormalisedToken if isinstance(spec, Normalised) else StandardisedToken
        return token(count, self.template.architecture.numeric_hidden, self.dim), 1

    def _past_rates(self) -> PastRatesToken | None:
        spec = self.template.data.past_rates
        if spec is None or not self.inputs.past_rates:
            return None
        return PastRatesToken(
            [self._num_ids(name) for name in self.inputs.past_rates],
            self.losses,
            prior_count=spec.prior_count,
            hidden=self.template.architecture.numeric_hidden,
            dim=self.dim,
        )

    def _ids(self) -> Ids:
        inputs, crosses, buckets = self.inputs, self.inputs.crosses, self.inputs.buckets
        needed = {*inputs.ids, *inputs.past_rates, *(s for c in crosses.values() for s in c.of)}
        quantiles = {n: kind for n, kind in buckets.items() if isinstance(kind, QuantileBucket)}
        return Ids(
            {name: row for row, name in enumerate(self.id_rows) if name in needed},
            {name: (cross.of, CrossIds(cross.num_ids)) for name, cross in crosses.items()},
            {
                name: (self.numeric_columns.index(bucket.of), BucketIds(bucket.boundaries))
                for name, bucket in buckets.items()
                if isinstance(bucket, Bucket)
            },
            {name: self.numeric_columns.index(kind.of) for name, kind in quantiles.items()},
            next((kind.buckets for kind in quantiles.values()), None),
        )

    def _unknown(self) -> UnknownAsMissing:
        lists = {n: self._num_ids(n) for n in (*self.inputs.id_lists, *self.inputs.sequences)}
        for column in (self.sequences[name] for name in self.inputs.sequences):
            if column.events is not None and column.num_events is not None:
                lists[column.events] = column.num_events
        return UnknownAsMissing([self._num_ids(name) for name in self.id_rows], lists)

    def _groups(self) -> list[Table]:
        """Tables of a row an id, by their first features: ids, transforms, lists, sequences."""
        inputs = self.inputs
        made = (*inputs.crosses, *inputs.buckets)
        groups = {name: [name] for name in (*inputs.ids, *made, *inputs.id_lists)}
        for name in [*inputs.id_lists, *inputs.sequences]:
            owner = self._shares_with(name)
            if owner is not None and name not in groups.get(owner, ()):
                groups[owner].append(name)
                groups.pop(name, None)
            elif owner is None:
                groups.setdefault(name, [name])
        return [Table(self._num_ids(name), tuple(members)) for name, members in groups.items()]

    def _shares_with(self, name: str) -> str | None:
        """The feature whose table a list or sequence uses."""
        column = self.schema.columns[name]
        assert isinstance(column, IdList | Sequence)
        of = column.of
        if of is None or of not in (*self.inputs.ids, *self.inputs.id_lists):
            return None
        # Steps meet the item shown in one space.
        attends = isinstance(self.features.sequence, TargetAttention) and isinstance(
            column, Sequence
        )
        return of if self.features.shared_tables or attends else None

    def _is_stepped(self, name: str) -> bool:
        """Whether a feature's ids must be looked up one by one."""
        attended = isinstance(self.features.pooling, AttentionPooling)
        if name in self.inputs.sequences:
            column, interactions = self.sequences[name], self.template.architecture.interactions
            events = self.features.event_steps is not None and column.steps
            return bool(
                self.features.sequence is not None
                or attended
                or events
                or any(single.reads_sequences for spec in interactions for single in singles(spec))
            )
        return name in self.inputs.id_lists and attended

    def _pooled(self, groups: list[Table]) -> list[PooledTables]:
        lists = {*self.inputs.id_lists, *self.inputs.sequences}
        single = [group for group in groups if not lists & {*group.features}]
        several = [group for group in groups if lists & {*group.features}]
        pooling = (
            PoolingType.SUM if isinstance(self.features.pooling, SumPooling) else PoolingType.MEAN
        )
        collections = []
        for members, how in ((single, PoolingType.SUM), (several, pooling)):
            if members:
                weighers = {n: self._weighers(n) for group in members for n in group.features}
                collections.append(
                    PooledTables(
                        self._tables(members),
                        self.dim,
                        pooling=how,
                        learning_rate=self.template.training.table_rate,
                        row_wise=self.row_wise,
                        weighers=weighers if any(weighers.values()) else None,
                        hashing=self._hashing(members),
                        device=self.device,
                    )
                )
        return collections

    def _steps(self, groups: list[Table]) -> Steps:
        members = [name for group in groups for name in group.features]
        lists = [name for name in members if name in self.inputs.id_lists]
        sequences = [name for name in members if name in self.inputs.sequences]
        return Steps(
            StepTables(
                self._tables(groups),
                self.dim,
                learning_rate=self.template.training.table_rate,
                row_wise=self.row_wise,
                hashing=self._hashing(groups),
                device=self.device,
            ),
            [name for name in members if name not in lists and name not in sequences],
            {name: build_pooler(self.features, self.dim) for name in lists},
            {
                name: build_reader(
                    self.features, self.dim, self.sequences[name], self._shares_with(name)
                )
                for name in sequences
            },
            {name: weighers for name in members if (weighers := self._weighers(name))},
        )

    def _weighers(self, name: str) -> list[nn.Module]:
        weighers: list[nn.Module] = []
        positions = self.features.position_weighting
        if positions is not None and name in (*self.inputs.id_lists, *self.inputs.sequences):
            weighers.append(PositionWeights(positions.max_positions, positions.half_life))
        if self.features.frequency_gate is not None:
            weighers.append(FrequencyGate(self._num_ids(name), self.features.frequency_gate))
        return weighers

    def _tables(self, groups: list[Table]) -> dict[str, Table]:
        return {group.features[0]: Table(self._rows(group), group.features) for group in groups}

    def _rows(self, group: Table) -> int:
        hashing = self.features.hashing
        return group.rows if hashing is None else min(group.rows, hashing.buckets)

    def _hashing(self, groups: list[Table]) -> dict[str, MultiHash]:
        spec = self.features.hashing
        return {
            name: MultiHash(spec.buckets, spec.hashes)
            for group in groups
            if spec is not None and group.rows > spec.buckets
            for name in group.features
        }

    def _num_ids(self, name: str) -> int:
        columns = {**self.schema.columns, **self.inputs.crosses, **self.inputs.buckets}
        return int(columns[name].num_ids)  # type: ignore[union-attr]
