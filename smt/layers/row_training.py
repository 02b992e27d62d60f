"""Fused tables on a CPU that plain torch trains: their rows' gradients, and Adagrad's step.

Vectors are to the bit those that FBGEMM looks up, in its own tables, by its own sums of squares and
rate, so that all else may go on using them. Its CPU backward takes 3 to 4 times as long: it sorts a
batch's ids once a table. Ids are in range, as `smt.data.id_ranges` sees to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from fbgemm_gpu.split_table_batched_embeddings_ops_common import PoolingMode
from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
    SplitTableBatchedEmbeddingBagsCodegen,
)
from torch import Tensor

from smt.layers.jagged import Jagged, rows_of


def pool_and_train(tables: SplitTableBatchedEmbeddingBagsCodegen, bags: Jagged) -> Tensor:
    """`[B, F * D]`: bags of rows pooled; `backward` updates the rows instead of giving gradients.

    Adagrad has a sum of squares a row, or one an element, as the tables have.

    Args:
        tables: On a CPU, all of width D.
        bags: B of each of F features, in the order of the tables' features.
    """
    features = len(tables.feature_table_map)
    count = (bags.offsets.shape[0] - 1) // features
    starts = tables.hash_size_cumsum[:-1]
    if torch.equal(bags.offsets, torch.arange(features * count + 1)):
        rows = (bags.values.view(features, count) + starts.unsqueeze(1)).T.reshape(-1)
        vectors: Tensor = _train_rows(tables.weights_host, rows, tables)
        return vectors.view(count, -1)
    lengths = bags.offsets[::count].diff()
    rows = bags.values + starts.repeat_interleave(lengths, output_size=len(bags.values))
    pooled: Tensor = _train_bags(tables.weights_host, rows, bags, tables)
    return pooled


class _TrainRows(torch.autograd.Function):
    """`[L]` rows -> their `[L, D]` vectors."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, rows: Tensor, tables: Any) -> Tensor:
        ctx.rows, ctx.tables = rows, tables
        return weights.view(-1, tables.max_D).index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None]:
        _update(ctx.tables, ctx.rows, gradients[0])
        return None, None, None


class _TrainBags(torch.autograd.Function):
    """`[L]` rows, and the bags of F features that their ids are in -> `[B, F * D]`."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, rows: Tensor, bags: Jagged, tables: Any) -> Tensor:
        ctx.rows, ctx.offsets, ctx.tables = rows, bags.offsets, tables
        pooled: Tensor = tables(bags.values, bags.offsets)
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, None, None]:
        tables, offsets = ctx.tables, ctx.offsets
        features = len(tables.feature_table_map)
        of_bags = gradients[0].view(-1, features, tables.max_D).transpose(0, 1).flatten(0, 1)
        if tables.pooling_mode == PoolingMode.MEAN:
            of_bags = of_bags / offsets.diff().clamp(min=1).unsqueeze(1)
        _update(tables, ctx.rows, of_bags.index_select(0, rows_of(offsets, len(ctx.rows))))
        return None, None, None, None


def _update(tables: Any, rows: Tensor, gradients: Tensor) -> None:
    """One step of Adagrad by the `[L, D]` gradients of `[L]` rows; a row's are summed first."""
    # Numpy's is 1.4 to 2.8 times as fast as torch's.
    touched, place = map(torch.from_numpy, np.unique(rows.numpy(), return_inverse=True))
    summed = gradients.new_zeros(len(touched), tables.max_D).index_add_(0, place, gradients)
    squares = summed.square()
    if tables.optimizer == EmbOptimType.EXACT_ROWWISE_ADAGRAD:
        squares = squares.mean(dim=1, keepdim=True)
    # `[R, 1]`, or `[R, D]` of an element each.
    sums = tables.momentum1_host.view(-1, squares.shape[1])
    squares += sums.index_select(0, touched)
    sums.index_copy_(0, touched, squares)
    rates = -tables.get_learning_rate() / squares.sqrt_().add_(tables.optimizer_args.eps)
    weights = tables.weights_host.detach().view(-1, tables.max_D)
    weights.index_add_(0, touched, summed.mul_(rates))


_train_rows: Callable[..., Tensor] = _TrainRows.apply
_train_bags: Callable[..., Tensor] = _TrainBags.apply
