"""Embedding tables to serve: plain torch, so that they export, in fp32, fp16 or int8."""

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torchrec import JaggedTensor, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection

from smt.layers.jagged import Jagged, segment_sum
from smt.layers.named import module_key
from smt.layers.step_tables import StepTables
from smt.layers.stored_rows import Precision, read_rows, store_rows
from smt.layers.tables import PooledTables, rows_of_ids, weights_of


class Rows(nn.Module):
    """The rows of several tables as `store_rows` stores them, one table after the other."""

    values: Tensor
    ranges: Tensor | None

    def __init__(self, tables: Sequence[Tensor], precision: Precision) -> None:
        """Copy the rows.

        Args:
            tables: `[rows, D]` float32 each.
        """
        super().__init__()
        parts = [store_rows(table.detach(), precision) for table in tables]
        self.register_buffer("values", torch.cat([values for values, _ in parts]))
        ranges = [of_table for _, of_table in parts if of_table is not None]
        self.register_buffer("ranges", torch.cat(ranges) if ranges else None)

    def forward(self, rows: Tensor) -> Tensor:
        """`[L]` int64 -> `[L, D]` float32."""
        return read_rows(self.values[rows], None if self.ranges is None else self.ranges[rows])


class ServingTables(nn.Module):
    """What `PooledTables` gives in evaluation mode."""

    def __init__(self, tables: PooledTables, precision: Precision) -> None:
        super().__init__()
        self.features = list(tables.features)
        self.dim = tables.dim
        self.weighers = copy.deepcopy(tables.weighers)
        self.hashing = copy.deepcopy(tables.hashing)
        configs = tables.tables.embedding_bag_configs()
        self.mean = configs[0].pooling == PoolingType.MEAN
        self.rows = Rows([_weight(tables.tables, config.name) for config in configs], precision)
        self.starts: dict[str, int] = {}
        start = 0
        for config in configs:
            self.starts |= dict.fromkeys(config.feature_names, start)
            start += config.num_embeddings

    def look_up(self, lists: Mapping[str, Jagged]) -> Tensor:
        """`[B, F, D]` tokens from the lists of F features, by name."""
        of_features = [lists[name] for name in self.features]
        rows, lengths, weights = [], [], []
        for name, ids in zip(self.features, of_features, strict=True):
            hashed = rows_of_ids(self.hashing, name, ids.values)
            rows.append(hashed.flatten() + self.starts[name])
            lengths.append(ids.lengths * hashed.shape[1])
            if self.weighers:
                weighed = JaggedTensor(values=ids.values, offsets=ids.offsets)
                own = weights_of(self.weighers[name], weighed)
                weights.append(own.repeat_interleave(hashed.shape[1]))
        vectors = self.rows(torch.cat(rows))
        if weights:
            vectors = vectors * torch.cat(weights).unsqueeze(1)
        ends = torch.cat(lengths).cumsum(0)
        pooled = segment_sum(Jagged(vectors, torch.cat([ends.new_zeros(1), ends])))
        if self.mean:
            counts = torch.cat([ids.lengths for ids in of_features]).clamp(min=1)
            pooled = pooled / counts.unsqueeze(1)
        # Not the size -1: a program would check that it comes out even.
        size = of_features[0].offsets.shape[0] - 1
        return pooled.view(len(self.features), size, self.dim).transpose(0, 1)


class ServingStepTables(nn.Module):
    """What `StepTables` gives."""

    def __init__(self, tables: StepTables, precision: Precision) -> None:
        super().__init__()
        self.features = list(tables.features)
        self.dim = tables.dim
        self.hashing = copy.deepcopy(tables.hashing)
        weights = {
            name: _weight(cast(FusedEmbeddingBagCollection, collection), module_key(name))
            for name, collection in tables.tables.items()
        }
        self.rows = Rows(list(weights.values()), precision)
        self.starts: dict[str, int] = {}
        start = 0
        for name, weight in weights.items():
            self.starts |= dict.fromkeys(tables.features_of[name], start)
            start += len(weight)

    def look_up(self, lists: Mapping[str, Jagged]) -> dict[str, Jagged]:
        """Feature -> the `[L, D]` vectors of its lists' ids, by name."""
        hashing = self.hashing
        hashed = {name: rows_of_ids(hashing, name, lists[name].values) for name in self.features}
        rows = [codes.flatten() + self.starts[name] for name, codes in hashed.items()]
        looked_up = self.rows(torch.cat(rows)).split([of_feature.shape[0] for of_feature in rows])
        vectors = {}
        for (name, codes), values in zip(hashed.items(), looked_up, strict=True):
            summed = values.view(-1, codes.shape[1], self.dim).sum(dim=1)
            vectors[name] = lists[name].with_values(summed)
        return vectors


def _weight(collection: FusedEmbeddingBagCollection, table: str) -> Tensor:
    """`[rows, D]` of the table with this key."""
    weight: Tensor = collection.state_dict()[f"embedding_bags.{table}.weight"]
    return weight
