"""Embedding tables with their optimizer fused into the backward pass."""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torchrec import EmbeddingBagConfig, JaggedTensor, KeyedJaggedTensor, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad


class PooledTables(nn.Module):
    """One table a feature, pooled to one token a feature; trained by fused row-wise Adagrad.

    No dense gradient of a table exists: FBGEMM updates the rows that a batch touched
    during `backward`.
    """

    def __init__(
        self,
        num_ids: Mapping[str, int],
        dim: int,
        *,
        pooling: PoolingType,
        learning_rate: float,
        weighers: Mapping[str, list[nn.Module]] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Make the tables.

        Args:
            num_ids: feature -> rows of its table.
            dim: D, the width of every row.
            weighers: feature -> modules from a JaggedTensor of L ids to `[L]` weights; their
                product weighs the ids. Given for all features or for none.
        """
        super().__init__()
        self.features = list(num_ids)
        self.dim = dim
        self.weighers = nn.ModuleDict(
            {name: nn.ModuleList(modules) for name, modules in (weighers or {}).items()}
        )
        # False where ids are weighed inside a sharded collection instead.
        self.weighs_input = True
        self.tables = FusedEmbeddingBagCollection(
            tables=[
                EmbeddingBagConfig(
                    name=name,
                    embedding_dim=dim,
                    num_embeddings=rows,
                    feature_names=[name],
                    pooling=pooling,
                )
                for name, rows in num_ids.items()
            ],
            optimizer_type=RowWiseAdagrad,
            optimizer_kwargs={"lr": learning_rate},
            is_weighted=bool(self.weighers),
            device=device or torch.device("cpu"),
        )

    def forward(self, ids: KeyedJaggedTensor) -> Tensor:
        """`[B, F, D]` tokens from the lists of F features."""
        if self.weighers and self.weighs_input:
            ids = self.weigh(ids)
        pooled = self.tables(ids)
        values: Tensor = pooled.values()
        # A collection that is sharded gives its features in an order of its own.
        if pooled.keys() != self.features:
            values = torch.cat([pooled[name] for name in self.features], dim=1)
        return values.view(-1, len(self.features), self.dim)

    def weigh(self, ids: KeyedJaggedTensor) -> KeyedJaggedTensor:
        """The ids of some or all features, with their weights."""
        by_feature: dict[str, JaggedTensor] = ids.to_dict()
        weights = []
        for name in ids.keys():  # noqa: SIM118 - a KeyedJaggedTensor is no mapping
            weighers = cast(nn.ModuleList, self.weighers[name])
            weights.append(math.prod(weigher(by_feature[name]) for weigher in weighers))
        return KeyedJaggedTensor(
            keys=ids.keys(),
            values=ids.values(),
            lengths=ids.lengths(),
            weights=torch.cat(weights),
        )
