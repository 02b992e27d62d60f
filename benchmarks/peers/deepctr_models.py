"""DeepCTR-Torch's DeepFM, DCN and DIN.

Default: layers, initial values, Adam of rate 0.001 over all parameters, and the sum (not the
mean) of a batch's losses plus the library's L2 terms. Chosen: 16 wide embeddings and batches
of 512, as all peers have; lists pooled by mean; our loop in place of `fit`, which shuffles.
Ids travel through a float32 matrix, exact up to 2^24.
"""

from threading import Thread
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from peers.shared import EMBEDDING_DIM, Split, Standardizer, learn_and_predict, padded, start
from smt.data import Batch
from smt.errors import InputError


def deepfm(split: Split, seed: int) -> NDArray[np.float64]:
    """A factorization machine beside an MLP (arXiv 1703.04247)."""
    start(seed)
    numeric = Standardizer(split)
    columns = _columns(split, numeric, history=None)
    network = library().models.DeepFM(columns, columns, seed=seed)
    return _judge(split, numeric, network, history=None)


def dcn(split: Split, seed: int) -> NDArray[np.float64]:
    """Cross layers beside an MLP (arXiv 1708.05123)."""
    start(seed)
    numeric = Standardizer(split)
    columns = _columns(split, numeric, history=None)
    network = library().models.DCN(columns, columns, seed=seed)
    return _judge(split, numeric, network, history=None)


def din(split: Split, seed: int) -> NDArray[np.float64]:
    """Attention of the item over the first history, of items in one table (arXiv 1706.06978).

    Raises:
        InputError: No sequence holds the ids of another feature.
    """
    start(seed)
    numeric = Standardizer(split)
    if not split.histories:
        raise InputError("DIN needs a sequence 'of' a feature that is there too")
    history, item = next(iter(split.histories.items()))
    network = library().models.DIN(_columns(split, numeric, history), [item], seed=seed)
    return _judge(split, numeric, network, history)


def library() -> ModuleType:
    """The package, imported without a word to the package index."""
    # On import it asks the package index for its newest version, from a thread.
    with patch.object(Thread, "start"):
        import deepctr_torch
    return deepctr_torch  # type: ignore[no-any-return]


def _columns(split: Split, numeric: Standardizer, history: str | None) -> list[Any]:
    """The library's feature columns, in the order of `_matrix`."""
    inputs = library().inputs
    columns = [inputs.SparseFeat(name, num + 1, EMBEDDING_DIM) for name, num in split.ids.items()]
    for name, num in split.lists.items():
        if name != history:
            ids = inputs.SparseFeat(name, num + 1, EMBEDDING_DIM)
            columns.append(inputs.VarLenSparseFeat(ids, split.longest(name), "mean"))
    if history is not None:
        # DIN finds a history by this prefix, and ends it by its length.
        item, num = split.histories[history], split.lists[history]
        ids = inputs.SparseFeat(f"hist_{item}", num + 1, EMBEDDING_DIM, embedding_name=item)
        steps = split.longest(history)
        columns.append(inputs.VarLenSparseFeat(ids, steps, length_name="history_length"))
    if numeric.width:
        columns.append(inputs.DenseFeat("numeric", numeric.width))
    return columns


def _judge(
    split: Split, numeric: Standardizer, network: Any, history: str | None
) -> NDArray[np.float64]:
    longest = {name: split.longest(name) for name in split.lists}

    def forward(batch: Batch) -> Tensor:
        # 0 is the library's padding, so every id moves up by one.
        parts = [batch.ids.values().view(-1, len(batch)).T + 1]
        parts += [padded(batch, name, longest[name]) for name in longest if name != history]
        if history is not None:
            lengths = batch.id_lists[history].lengths().unsqueeze(1)
            parts += [padded(batch, history, longest[history]), lengths]
        probabilities: Tensor = network(torch.cat([*map(Tensor.float, parts), numeric(batch)], 1))
        return probabilities.squeeze(1)

    def loss(probabilities: Tensor, batch: Batch) -> Tensor:
        labels = batch.labels.squeeze(1)
        losses = binary_cross_entropy(probabilities, labels, batch.weights, reduction="sum")
        penalty: Tensor = network.get_regularization_loss()
        return losses + penalty.squeeze()

    network.compile("adam", "binary_crossentropy")
    return learn_and_predict(split, network, network.optim, forward, loss, torch.clone)
