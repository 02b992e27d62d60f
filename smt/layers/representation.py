"""Every feature as tokens of one width: `Examples` -> `[B, F, D]`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torchrec import JaggedTensor

from smt.layers.examples import Examples
from smt.layers.jagged import Jagged, truncate
from smt.layers.named import NamedModules
from smt.layers.numeric import PiecewiseLinearTokens
from smt.layers.past_rates import PastRatesToken
from smt.layers.step_tables import StepTables
from smt.layers.tables import PooledTables
from smt.layers.transforms import BucketIds, CrossIds, QuantileBuckets
from smt.layers.unknown import UnknownAsMissing


class Represented(NamedTuple):
    """The features of B examples.

    Attributes:
        tokens: `[B, F, D]`.
        sequences: The sequences that are read step by step, `[L, D]` steps each.
    """

    tokens: Tensor
    sequences: list[Jagged]


class Ids(nn.Module):
    """Single ids by name: those of the log, and those that transforms make.

    Args:
        stored: feature -> its row in `Examples.ids`.
        crosses: name -> the two ids and the cross of them.
        buckets: name -> the column of `Examples.numeric`, and its bucketing.
        quantiles: Names of numeric features' quantile buckets -> their columns.
    """

    def __init__(
        self,
        stored: Mapping[str, int],
        crosses: Mapping[str, tuple[tuple[str, str], CrossIds]],
        buckets: Mapping[str, tuple[int, BucketIds]],
        quantiles: Mapping[str, int],
        num_buckets: int | None,
    ) -> None:
        super().__init__()
        self.stored = dict(stored)
        self.sources = {name: of for name, (of, _) in crosses.items()}
        self.crosses = NamedModules({name: cross for name, (_, cross) in crosses.items()})
        self.columns = {name: column for name, (column, _) in buckets.items()}
        self.buckets = NamedModules({name: bucket for name, (_, bucket) in buckets.items()})
        self.quantiles = dict(quantiles)
        self.quantile_buckets = (
            QuantileBuckets(len(quantiles), num_buckets) if num_buckets is not None else None
        )

    def fit(self, examples: Examples) -> None:
        """Set the boundaries of quantile buckets from a sample."""
        if self.quantile_buckets is not None:
            self.quantile_buckets.fit(examples.numeric[:, list(self.quantiles.values())])

    def forward(self, examples: Examples) -> dict[str, Tensor]:
        """Name -> `[B]` int64."""
        ids = {name: examples.ids[row] for name, row in self.stored.items()}
        for name, cross in self.crosses.items():
            first, second = self.sources[name]
            ids[name] = cross(ids[first], ids[second])
        for name, bucket in self.buckets.items():
            ids[name] = bucket(examples.numeric[:, self.columns[name]])
        if self.quantile_buckets is not None:
            quantile_ids = self.quantile_buckets(examples.numeric[:, list(self.quantiles.values())])
            ids.update(zip(self.quantiles, quantile_ids.unbind(dim=1), strict=True))
        return ids


class SequenceReader(nn.Module):
    """One sequence, from its steps' embeddings to a token.

    Args:
        steps: Adds the type and age of events to steps; None where a log has neither.
        encoder: From steps to steps; None leaves them as they are.
        pooler: From steps to a token.
        events, timestamps: Names of the steps' columns, or None.
        target: The feature whose ids the sequence's are, for poolers that need it.
        max_steps: Most recent steps that are read.
    """

    def __init__(
        self,
        steps: nn.Module | None,
        encoder: nn.Module | None,
        pooler: nn.Module,
        *,
        events: str | None,
        timestamps: str | None,
        target: str | None,
        max_steps: int,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.encoder = encoder
        self.pooler = pooler
        self.events = events
        self.timestamps = timestamps
        self.target = target
        self.max_steps = max_steps

    def forward(
        self, embedded: Jagged, examples: Examples, target: Tensor | None
    ) -> tuple[Tensor, Jagged]:
        """The `[B, D]` token, and the steps `[L, D]`."""
        lists, kept = truncate(embedded, self.max_steps)
        events = None if self.events is None else examples.lists[self.events].values[kept]
        ages = self._ages(examples, embedded, kept)
        if self.steps is not None:
            lists = lists.with_values(self.steps(lists.values, events, ages))
        if self.encoder is not None:
            lists = self.encoder(lists, ages)
        token: Tensor = self.pooler(lists, target)
        return token, lists

    def _ages(self, examples: Examples, embedded: Jagged, kept: Tensor) -> Tensor | None:
        """`[L]` seconds from the kept steps to their impressions."""
        if self.timestamps is None or examples.timestamps is None:
            return None
        shown = examples.timestamps[embedded.rows]
        ages = (shown - examples.lists[self.timestamps].values).clamp(min=0)
        return ages[kept].to(torch.float32) / 1000.0


class Steps(nn.Module):
    """Features that are read id by id: sequences, and the ids that share their tables.

    Args:
        tables: Embeds the ids of all of them.
        singles: Single ids among them; each is a token.
        pooled: List -> what pools it.
        readers: Sequence -> its reader.
        weighers: feature -> modules from a JaggedTensor of ids to their `[L]` weights.
    """

    def __init__(
        self,
        tables: StepTables,
        singles: Sequence[str],
        pooled: Mapping[str, nn.Module],
        readers: Mapping[str, SequenceReader],
        weighers: Mapping[str, list[nn.Module]],
    ) -> None:
        super().__init__()
        self.tables = tables
        self.singles = tuple(singles)
        self.pooled = NamedModules(pooled)
        self.readers = NamedModules(readers)
        self.weighers = NamedModules(
            {name: nn.ModuleList(modules) for name, modules in weighers.items()}
        )

    def forward(self, ids: Mapping[str, Tensor], examples: Examples) -> Represented:
        """Tokens: single ids, lists, sequences."""
        lists = _one_each({name: ids[name] for name in self.singles})
        lists |= {name: examples.lists[name] for name in (*self.pooled, *self.readers)}
        embedded = self.tables.look_up(lists)
        for name, modules in self.weighers.items():
            weighed = JaggedTensor(values=lists[name].values, offsets=lists[name].offsets)
            for weigh in cast(nn.ModuleList, modules):
                weights = weigh(weighed).unsqueeze(1)
                embedded[name] = embedded[name].with_values(embedded[name].values * weights)
        tokens = {name: embedded[name].values for name in self.singles}
        tokens |= {name: pool(embedded[name]) for name, pool in self.pooled.items()}
        sequences = []
        read = {}
        for name, module in self.readers.items():
            reader = cast(SequenceReader, module)
            target = None if reader.target is None else tokens[reader.target]
            read[name], steps = reader(embedded[name], examples, target)
            sequences.append(steps)
        return Represented(torch.stack([*tokens.values(), *read.values()], dim=1), sequences)


class Representation(nn.Module):
    """All features as tokens: numeric, past rates, embeddings, ids, lists, then steps.

    Args:
        numeric: From the chosen features to tokens.
        numeric_columns: Numeric feature that is read -> its column of `Examples.numeric`.
        embeddings: feature -> its projection to D.
        ids: Names all single ids.
        pooled: Tables whose lists are pooled as they are looked up.
        past_rates: Reads the ids `rated`.
        unknown: What becomes of values that no log holds; a log is checked before training.
    """

    def __init__(
        self,
        *,
        numeric: nn.Module | None,
        numeric_columns: Mapping[str, int],
        past_rates: PastRatesToken | None,
        rated: Sequence[str],
        embeddings: Mapping[str, nn.Module],
        ids: Ids,
        pooled: Sequence[PooledTables],
        steps: Steps | None,
        unknown: UnknownAsMissing,
        num_tokens: int,
    ) -> None:
        super().__init__()
        self.numeric = numeric
        self.numeric_names = tuple(numeric_columns)
        self.numeric_columns = list(numeric_columns.values())
        self.past_rates = past_rates
        self.rated = tuple(rated)
        self.embeddings = NamedModules(embeddings)
        self.ids = ids
        self.pooled = nn.ModuleList(pooled)
        self.steps = steps
        self.unknown = unknown
        self.num_tokens = num_tokens

    @property
    def token_names(self) -> list[str | None]:
        """The feature of each of the F tokens; None for those that several features share."""
        names: list[str | None] = [*self.embeddings]
        for tables in self.pooled:
            names += cast(PooledTables, tables).features
        if self.steps is not None:
            names += [*self.steps.singles, *self.steps.pooled, *self.steps.readers]
        return [None] * (self.num_tokens - len(names)) + names

    @property
    def fits(self) -> bool:
        """Whether `fit` sets anything."""
        return self.ids.quantile_buckets is not None or isinstance(
            self.numeric, PiecewiseLinearTokens
        )

    def fit(self, examples: Examples) -> None:
        """Set what depends on the distribution of numeric features, from a sample."""
        self.ids.fit(examples)
        if isinstance(self.numeric, PiecewiseLinearTokens):
            self.numeric.fit(examples.numeric[:, self.numeric_columns])

    def forward(self, examples: Examples) -> Represented:
        """`[B, F, D]` tokens, and the sequences that were read step by step."""
        if not self.training:
            examples = self.unknown(examples)
        ids = self.ids(examples)
        tokens = []
        sequences: list[Jagged] = []
        if self.numeric is not None:
            tokens.append(self.numeric(examples.numeric[:, self.numeric_columns]))
        if self.past_rates is not None:
            rated = torch.stack([ids[name] for name in self.rated])
            tokens.append(self.past_rates(rated, examples.labels))
        for name, project in self.embeddings.items():
            tokens.append(project(examples.embeddings[name]).unsqueeze(1))
        lists = {**examples.lists, **_one_each(ids)}
        for module in self.pooled:
            tokens.append(cast(PooledTables, module).look_up(lists))
        if self.steps is not None:
            stepped, sequences = self.steps(ids, examples)
            tokens.append(stepped)
        return Represented(torch.cat(tokens, dim=1), sequences)


def _one_each(ids: Mapping[str, Tensor]) -> dict[str, Jagged]:
    """Lists of one id; all share their offsets."""
    if not ids:
        return {}
    first = next(iter(ids.values()))
    offsets = torch.arange(first.shape[0] + 1, device=first.device)
    return {name: Jagged(values, offsets) for name, values in ids.items()}
