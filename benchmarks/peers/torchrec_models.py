"""TorchRec's DLRM and DLRM_DCN (torchrec.models.dlrm).

Default: the models' own layers and initial values, fused tables as in TorchRec's README.
Chosen, since the library sets none: layer widths, embeddings of 16, three cross layers of rank
64; lists pooled by mean; row-wise Adagrad of rate 0.05 for tables, Adam of 0.002 for the rest.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchrec import EmbeddingBagConfig, KeyedJaggedTensor, PoolingType
from torchrec.models.dlrm import DLRM, DLRM_DCN
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad

from peers.shared import EMBEDDING_DIM, Split, Standardizer, learn_and_predict, start
from smt.data import Batch

TABLE_RATE = 0.05
DENSE_RATE = 0.002
DENSE_LAYERS = [64, EMBEDDING_DIM]
OVER_LAYERS = [128, 64, 1]
CROSS_LAYERS = 3
CROSS_RANK = 64


def dlrm(split: Split, seed: int) -> NDArray[np.float64]:
    """Dot products of all pairs of embeddings (arXiv 1906.00091)."""
    start(seed)
    numeric = Standardizer(split)
    network = DLRM(_tables(split), numeric.width, DENSE_LAYERS, OVER_LAYERS)
    return _judge(split, numeric, network)


def dlrm_dcn(split: Split, seed: int) -> NDArray[np.float64]:
    """DLRM with low-rank cross layers in place of dot products (arXiv 2008.13535)."""
    start(seed)
    numeric = Standardizer(split)
    network = DLRM_DCN(
        _tables(split), numeric.width, DENSE_LAYERS, OVER_LAYERS, CROSS_LAYERS, CROSS_RANK
    )
    return _judge(split, numeric, network)


def _tables(split: Split) -> FusedEmbeddingBagCollection:
    return FusedEmbeddingBagCollection(
        tables=[
            EmbeddingBagConfig(
                name=name,
                embedding_dim=EMBEDDING_DIM,
                num_embeddings=num_ids,
                feature_names=[name],
                pooling=PoolingType.MEAN,
            )
            for name, num_ids in (split.ids | split.lists).items()
        ],
        optimizer_type=RowWiseAdagrad,
        optimizer_kwargs={"lr": TABLE_RATE},
        device=torch.device("cpu"),
    )


def _judge(split: Split, numeric: Standardizer, network: nn.Module) -> NDArray[np.float64]:
    def forward(batch: Batch) -> Tensor:
        groups = [batch.ids, *batch.id_lists.values()]
        sparse = KeyedJaggedTensor.concat([group for group in groups if group.keys()])
        logits: Tensor = network(numeric(batch), sparse)
        return logits.squeeze(1)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        labels = batch.labels.squeeze(1)
        return binary_cross_entropy_with_logits(logits, labels, weight=batch.weights)

    # The tables' own optimizer runs in the backward pass; they have no gradient.
    optimizer = torch.optim.Adam(network.parameters(), lr=DENSE_RATE)
    return learn_and_predict(split, network, optimizer, forward, loss, torch.sigmoid)
