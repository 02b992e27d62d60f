"""What is exported of a network: all of it, or what a decoupled one needs to be served apart."""

from torch import Tensor, nn

from smt.layers.networks import DecoupledSparseNN, Network, SparseNN, Tower, project
from smt.serving.inputs import ProgramInputs, Tensors, Unpack, inputs_of


class Scores(nn.Module):
    """All of a network."""

    def __init__(self, network: Network, inputs: ProgramInputs, correction: float) -> None:
        super().__init__()
        self.unpack = Unpack(inputs, network)
        self.network = network
        self.losses = network.losses.first(len(network.events))
        self.correction = correction

    def forward(self, tensors: Tensors) -> Tensor:
        """`[B, E]` probabilities, or means of values."""
        return self.losses.scores(self.network.predict(self.unpack(tensors)) + self.correction)


class Vectors(nn.Module):
    """One tower of a decoupled network."""

    def __init__(
        self, network: Network, inputs: ProgramInputs, tower: Tower, projections: nn.ModuleList
    ) -> None:
        super().__init__()
        self.unpack = Unpack(inputs, network)
        self.tower = tower
        self.projections = projections

    def forward(self, tensors: Tensors) -> Tensor:
        """`[B, E, V]`."""
        return project(self.tower(self.unpack(tensors)), self.projections)


class TowerScores(nn.Module):
    """Where the towers of a decoupled network meet."""

    def __init__(self, network: DecoupledSparseNN, correction: float) -> None:
        super().__init__()
        self.logits = network.logits
        self.chain = network.chain
        self.num_events = len(network.events)
        self.losses = network.losses.first(self.num_events)
        self.correction = correction

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """`[B, E, V]` users, each with an item of its own -> `[B, E]` scores, as `Scores`'."""
        logits = self.logits(user, item)
        if self.chain is not None:
            logits = self.chain(logits)
        return self.losses.scores(logits[:, : self.num_events] + self.correction)


def programs_of(network: Network, correction: float) -> dict[str, tuple[nn.Module, ProgramInputs]]:
    """Name -> what computes on a log's features, and the features that it reads.

    `network`, and of a decoupled network also `user` and `item`.
    """
    assert isinstance(network, SparseNN | DecoupledSparseNN)
    if isinstance(network, SparseNN):
        inputs = inputs_of(network, [network.tower])
        return {"network": (Scores(network, inputs, correction), inputs)}
    both = inputs_of(network, [network.user, network.item])
    user, item = (inputs_of(network, [tower]) for tower in (network.user, network.item))
    return {
        "network": (Scores(network, both, correction), both),
        "user": (Vectors(network, user, network.user, network.user_projections), user),
        "item": (Vectors(network, item, network.item, network.item_projections), item),
    }
