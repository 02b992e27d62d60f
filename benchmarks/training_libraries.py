"""Training steps of DeepCTR-Torch's DCN and Torch-RecHub's DCNv2, of equal widths and tables.

Both have dense gradients and Adam over all parameters, tables included. Those that are not
installed are left out: `pip install -c constraints.txt -e '.[bench]'`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from peers import deepctr_models
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy
from training_steps import CROSS_LAYERS, CROSS_RANK, Step, training_step

from smt.data import Batch

# The numeric features, beside the ids, whose names are the batches' keys.
NUMBERS = "numbers"

Forward = Callable[[Batch], Tensor]


def library_steps(
    batches: Sequence[Batch], rows: int, dim: int, widths: Sequence[int], rate: float
) -> dict[str, Step]:
    """Contestant -> its training step, of the libraries that are installed.

    Args:
        rows: Of every table, of width `dim`.
        widths: Of the MLP.
        rate: Of Adam.
    """
    networks = {
        "deepctr_DCN": ("deepctr_torch", deepctr_dcn),
        "rechub_DCNv2": ("torch_rechub", rechub_dcn_v2),
    }
    steps = {}
    for name, (library, make) in networks.items():
        if find_spec(library) is not None:
            torch.manual_seed(0)
            network, forward = make(batches[0], rows, dim, widths)
            adam = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
            steps[name] = training_step(partial(_loss, forward), adam, batches)
    return steps


def deepctr_dcn(
    batch: Batch, rows: int, dim: int, widths: Sequence[int]
) -> tuple[nn.Module, Forward]:
    """Cross layers beside an MLP, without its L2 terms; ids travel through a float32 matrix."""
    deepctr = deepctr_models.library()
    inputs = deepctr.inputs
    keys, numbers = batch.ids.keys(), batch.numeric.shape[1]
    columns = [
        *(inputs.SparseFeat(key, rows, dim) for key in keys),
        inputs.DenseFeat(NUMBERS, numbers),
    ]
    network = deepctr.models.DCN(
        columns, columns, cross_num=CROSS_LAYERS, dnn_hidden_units=tuple(widths)
    )

    def forward(batch: Batch) -> Tensor:
        ids = batch.ids.values().view(len(keys), -1).T
        probabilities: Tensor = network(torch.cat([ids.float(), batch.numeric], dim=1))
        return probabilities.squeeze(1)

    return network.train(), forward


def rechub_dcn_v2(
    batch: Batch, rows: int, dim: int, widths: Sequence[int]
) -> tuple[nn.Module, Forward]:
    """One expert of the low rank of torchrec's cross layers, beside an MLP."""
    from torch_rechub.basic.features import DenseFeature, SparseFeature
    from torch_rechub.models.ranking import DCNv2

    keys, numbers = batch.ids.keys(), batch.numeric.shape[1]
    columns: list[Any] = [
        DenseFeature(NUMBERS, embed_dim=numbers),
        *(SparseFeature(key, rows, dim) for key in keys),
    ]
    mlp = {"dims": [*widths], "dropout": 0.0, "activation": "relu"}
    network = DCNv2(columns, CROSS_LAYERS, mlp, low_rank=CROSS_RANK, num_experts=1)

    def forward(batch: Batch) -> Tensor:
        ids = dict(zip(keys, batch.ids.values().view(len(keys), -1), strict=True))
        probabilities: Tensor = network({NUMBERS: batch.numeric, **ids})
        return probabilities

    return network.train(), forward


def _loss(forward: Forward, batch: Batch) -> Tensor:
    return binary_cross_entropy(forward(batch), batch.labels.squeeze(1))
