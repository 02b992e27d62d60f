"""Torch-RecHub's DCNv2.

Default: initial values, the mixture of low-rank experts (rank 32, 4 experts) beside an MLP,
and the trainer's Adam of rate 0.001 with weight decay 1e-5 over all parameters. As in the
library's own Criteo example: 16 wide embeddings, three cross layers, MLP (256, 128) with
ReLU and dropout 0.2. Chosen: lists pooled by mean; our loop, since the trainer's keeps files.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from peers.shared import EMBEDDING_DIM, Split, Standardizer, learn_and_predict, padded, start
from smt.data import Batch

CROSS_LAYERS = 3
MLP = {"dims": [256, 128], "dropout": 0.2, "activation": "relu"}
RATE = 0.001
WEIGHT_DECAY = 1e-5


def dcn_v2(split: Split, seed: int) -> NDArray[np.float64]:
    """Cross layers of mixed low-rank experts beside an MLP (arXiv 2008.13535)."""
    from torch_rechub.basic.features import DenseFeature, SequenceFeature, SparseFeature
    from torch_rechub.models.ranking import DCNv2

    start(seed)
    numeric = Standardizer(split)
    lengths = {name: split.longest(name) for name in split.lists}
    columns = [
        *([DenseFeature("numeric", embed_dim=numeric.width)] if numeric.width else []),
        *(SparseFeature(name, num_ids, EMBEDDING_DIM) for name, num_ids in split.ids.items()),
        *(
            SequenceFeature(name, num_ids + 1, EMBEDDING_DIM, pooling="mean", padding_idx=0)
            for name, num_ids in split.lists.items()
        ),
    ]
    network = DCNv2(columns, n_cross_layers=CROSS_LAYERS, mlp_params=MLP)

    def forward(batch: Batch) -> Tensor:
        ids = {name: batch.ids[name].values() for name in split.ids}
        lists = {name: padded(batch, name, length) for name, length in lengths.items()}
        probabilities: Tensor = network({"numeric": numeric(batch), **ids, **lists})
        return probabilities

    def loss(probabilities: Tensor, batch: Batch) -> Tensor:
        return binary_cross_entropy(probabilities, batch.labels.squeeze(1), weight=batch.weights)

    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    return learn_and_predict(split, network, optimizer, forward, loss, torch.clone)
