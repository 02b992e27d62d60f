"""The copy of a network that serves."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from smt.layers.networks import DecoupledSparseNN, Network, SparseNN, Tower
from smt.layers.step_tables import StepTables
from smt.layers.stored_rows import Precision
from smt.layers.tables import PooledTables
from smt.serving.tables import ServingStepTables, ServingTables


def serve(network: Network, precision: Precision) -> Network:
    """A copy in evaluation mode, with tables of the given precision; the network stays as it is.

    Heads that only training needs are left out. What an entire-space chain needs stays.
    """
    replaced: dict[int, object] = {}
    for module in network.modules():
        if isinstance(module, PooledTables):
            replaced[id(module)] = ServingTables(module, precision)
        elif isinstance(module, StepTables):
            replaced[id(module)] = ServingStepTables(module, precision)
    # What the memo holds is taken for copied already: no fused table is copied.
    served = copy.deepcopy(network, replaced)
    _drop_auxiliary(served)
    return served.requires_grad_(False).eval()


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within, a network is in evaluation mode; after it, in the mode that it was in."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


class _First(nn.Module):
    """The first `count` events of what a module gives for several."""

    def __init__(self, tasks: nn.Module, count: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.count = count

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, H]` -> `[B, count, out_features]`."""
        logits: Tensor = self.tasks(hidden)
        return logits[:, : self.count]


def _drop_auxiliary(network: Network) -> None:
    network.targets = None
    if not network.auxiliary or network.chain is not None:
        return
    assert isinstance(network, SparseNN | DecoupledSparseNN)
    count = len(network.events)
    for name, value in network.logits.named_parameters():
        setattr(network.logits, name, nn.Parameter(value.detach()[:count].clone()))
    if isinstance(network, DecoupledSparseNN):
        network.user_projections = network.user_projections[:count]
        network.item_projections = network.item_projections[:count]
    for tower in network.modules():
        if isinstance(tower, Tower):
            tower.tasks = _First(tower.tasks, count)
    network.auxiliary = ()
