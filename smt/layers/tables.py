"""Embedding tables with their optimizer fused into the backward pass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import Adagrad
from torchrec import EmbeddingBagConfig, JaggedTensor, KeyedJaggedTensor, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad

from smt.layers.hashing import MultiHash
from smt.layers.jagged import Jagged, end_to_end
from smt.layers.named import NamedModules, module_key
from smt.layers.row_training import pool_and_train


@dataclass(frozen=True)
class Table:
    """A table of `rows` rows, and the features whose ids it embeds."""

    rows: int
    features: tuple[str, ...]


class PooledTables(nn.Module):
    """Lists of ids pooled to one token a feature; tables trained by fused Adagrad.

    No dense gradient of a table exists: FBGEMM updates the rows that a batch touched
    during `backward`.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        dim: int,
        *,
        pooling: PoolingType,
        learning_rate: float,
        row_wise: bool = True,
        weighers: Mapping[str, list[nn.Module]] | None = None,
        hashing: Mapping[str, MultiHash] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Make the tables.

        Args:
            tables: name -> table; every feature is in one of them.
            dim: D, the width of every row.
            pooling: A mean is over the ids of a list, however many rows an id has.
            row_wise: Whether Adagrad keeps one sum a row, not one an element.
            weighers: feature -> modules from a JaggedTensor of L ids to `[L]` weights; their
                product weighs the ids. Given for all features or for none.
            hashing: feature -> the rows of its ids; a feature without has its ids as rows.

        Raises:
            ValueError: A feature's buckets are not as many as its table's rows.
        """
        super().__init__()
        self.features = [name for table in tables.values() for name in table.features]
        self.features_of = {name: table.features for name, table in tables.items()}
        self.dim = dim
        self.weighers = NamedModules(
            {name: nn.ModuleList(modules) for name, modules in (weighers or {}).items()}
        )
        hashing = hashing or {}
        self.hashing = hashing_of(tables, hashing)
        # False where ids become weighed rows inside a sharded collection instead.
        self.prepares_input = True
        self.rows_per_id: list[int] | None = None
        if pooling == PoolingType.MEAN and hashing:
            hashes = {name: hashed.hashes for name, hashed in hashing.items()}
            self.rows_per_id = [hashes.get(name, 1) for name in self.features]
        self.tables = fused_tables(
            tables,
            dim,
            pooling=pooling,
            learning_rate=learning_rate,
            row_wise=row_wise,
            is_weighted=bool(self.weighers),
            device=device,
        )

    def look_up(self, lists: Mapping[str, Jagged]) -> Tensor:
        """`[B, F, D]` tokens from the lists of F features, by name."""
        offsets = lists[self.features[0]].offsets
        if offsets.shape[0] == 1:
            # Torchrec takes no batch without examples.
            return torch.empty(0, len(self.features), self.dim, device=offsets.device)
        of_features = [lists[name] for name in self.features]
        rows_are_ids = not self.weighers and not self.hashing
        if rows_are_ids and isinstance(self.tables, FusedEmbeddingBagCollection):
            pooled = pool(self.tables, end_to_end(of_features))
            return pooled.view(-1, len(self.features), self.dim)
        tokens: Tensor = self(keyed(dict(zip(self.features, of_features, strict=True))))
        return tokens

    def forward(self, ids: KeyedJaggedTensor) -> Tensor:
        """`[B, F, D]` tokens from the lists of F features."""
        if self.prepares_input:
            ids = self.prepare(ids)
        pooled = self.tables(ids)
        values: Tensor = pooled.values()
        # A collection that is sharded gives its features in an order of its own.
        if pooled.keys() != self.features:
            values = torch.cat([pooled[name] for name in self.features], dim=1)
        tokens = values.view(-1, len(self.features), self.dim)
        if self.rows_per_id is not None:
            tokens = tokens * tokens.new_tensor(self.rows_per_id).unsqueeze(1)
        return tokens

    def prepare(self, ids: KeyedJaggedTensor) -> KeyedJaggedTensor:
        """The rows of some or all features' ids, with the ids' weights."""
        if self.weighers:
            ids = self.weigh(ids)
        return self.hash(ids) if self.hashing else ids

    def weigh(self, ids: KeyedJaggedTensor) -> KeyedJaggedTensor:
        """The ids of some or all features, with their weights."""
        by_feature: dict[str, JaggedTensor] = ids.to_dict()
        weights = []
        for name in ids.keys():  # noqa: SIM118 - a KeyedJaggedTensor is no mapping
            weights.append(weights_of(self.weighers[name], by_feature[name]))
        return KeyedJaggedTensor(
            keys=ids.keys(),
            values=ids.values(),
            lengths=ids.lengths(),
            weights=torch.cat(weights),
        )

    def hash(self, ids: KeyedJaggedTensor) -> KeyedJaggedTensor:
        """The rows of some or all features' ids; each row has its id's weight."""
        by_feature: dict[str, JaggedTensor] = ids.to_dict()
        values, lengths, weights = [], [], []
        for name in ids.keys():  # noqa: SIM118 - a KeyedJaggedTensor is no mapping
            lists, hashes = by_feature[name], 1
            rows = lists.values()
            if name in self.hashing:
                hashed = self.hashing[name](rows)
                rows, hashes = hashed.flatten(), hashed.shape[1]
            values.append(rows)
            lengths.append(lists.lengths() * hashes)
            if self.weighers:
                weights.append(lists.weights().repeat_interleave(hashes))
        return KeyedJaggedTensor(
            keys=ids.keys(),
            values=torch.cat(values),
            lengths=torch.cat(lengths),
            weights=torch.cat(weights) if weights else None,
        )


def weights_of(weighers: nn.Module, ids: JaggedTensor) -> Tensor:
    """`[L]`: the product of the weights that several modules give to L ids."""
    even = torch.ones_like(ids.values(), dtype=torch.float32)
    weights: Tensor = math.prod((w(ids) for w in cast(nn.ModuleList, weighers)), start=even)
    return weights


def rows_of_ids(hashing: NamedModules, feature: str, ids: Tensor) -> Tensor:
    """`[L]` ids -> `[L, hashes]` rows of the feature's table."""
    if feature not in hashing:
        return ids.unsqueeze(1)
    rows: Tensor = hashing[feature](ids)
    return rows


def pool(collection: FusedEmbeddingBagCollection, bags: Jagged) -> Tensor:
    """`[B, F * D]`: bags of rows pooled, without a `KeyedJaggedTensor` made and taken apart.

    Args:
        collection: Of tables that are pooled alike, on this worker.
        bags: B of each of F features, in the order of the collection's tables.
    """
    (lookups,) = collection._emb_modules
    if torch.is_grad_enabled() and lookups._emb_module.use_cpu:
        return pool_and_train(lookups._emb_module, bags)
    pooled: Tensor = lookups(bags.values, bags.offsets, None)
    return pooled


def keyed(lists: Mapping[str, Jagged]) -> KeyedJaggedTensor:
    """Lists of ids as torchrec has them."""
    return KeyedJaggedTensor(
        keys=list(lists),
        values=torch.cat([ids.values for ids in lists.values()]),
        lengths=torch.cat([ids.lengths for ids in lists.values()]).int(),
    )


def fused_tables(
    tables: Mapping[str, Table],
    dim: int,
    *,
    pooling: PoolingType,
    learning_rate: float,
    row_wise: bool = True,
    is_weighted: bool = False,
    device: torch.device | None = None,
) -> FusedEmbeddingBagCollection:
    """Tables that Adagrad trains during `backward`: with a sum a row, or one an element.

    To torchrec, a table's name is its `module_key`.
    """
    return FusedEmbeddingBagCollection(
        tables=[
            EmbeddingBagConfig(
                name=module_key(name),
                embedding_dim=dim,
                num_embeddings=table.rows,
                feature_names=list(table.features),
                pooling=pooling,
            )
            for name, table in tables.items()
        ],
        optimizer_type=RowWiseAdagrad if row_wise else Adagrad,
        optimizer_kwargs={"lr": learning_rate},
        is_weighted=is_weighted,
        device=device or torch.device("cpu"),
    )


def hashing_of(tables: Mapping[str, Table], hashing: Mapping[str, MultiHash]) -> NamedModules:
    """The features' hashing as modules, once it is known to fit their tables.

    Raises:
        ValueError: A feature's buckets are not as many as its table's rows.
    """
    for name, table in tables.items():
        for feature in table.features:
            if feature in hashing and hashing[feature].buckets != table.rows:
                raise ValueError(
                    f"'{feature}' is hashed into {hashing[feature].buckets} buckets, "
                    f"but its table '{name}' has {table.rows} rows"
                )
    return NamedModules(hashing)
