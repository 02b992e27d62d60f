"""Training steps of DeepCTR-Torch's DCN and Torch-RecHub's DCNv2, of equal widths and tables.

Both have dense gradients and Adam over all parameters, tables included. Those that are not
installed are left out: `pip install -c constraints.txt -e '.[bench]'`.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import cycle
from threading import Thread
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from smt.data import Batch

CROSS_LAYERS = 2
CROSS_RANK = 64
# The numeric features, beside the ids, whose names are the batches' keys.
NUMBERS = "numbers"

Step = Callable[[], object]
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
            steps[name] = _step(forward, adam, batches)
    return steps


def deepctr_dcn(
    batch: Batch, rows: int, dim: int, widths: Sequence[int]
) -> tuple[nn.Module, Forward]:
    """Cross layers beside an MLP, without its L2 terms; ids travel through a float32 matrix."""
    # On import it asks the package index for its newest version, from a thread.
    with patch.object(Thread, "start"):
        from deepctr_torch.inputs import DenseFeat, SparseFeat
        from deepctr_torch.models import DCN
    keys, numbers = batch.ids.keys(), batch.numeric.shape[1]
    columns = [*(SparseFeat(key, rows, dim) for key in keys), DenseFeat(NUMBERS, numbers)]
    network = DCN(columns, columns, cross_num=CROSS_LAYERS, dnn_hidden_units=tuple(widths))

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


def _step(forward: Forward, optimizer: torch.optim.Optimizer, batches: Sequence[Batch]) -> Step:
    endless = cycle(batches)

    def step() -> None:
        batch = next(endless)
        optimizer.zero_grad()
        loss = binary_cross_entropy(forward(batch), batch.labels.squeeze(1))
        torch.autograd.backward(loss)
        optimizer.step()

    return step
