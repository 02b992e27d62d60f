"""Whether exported programs score as the network that they were made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smt.data import Batch
from smt.layers.examples import Examples
from smt.layers.networks import Network
from smt.serving.inputs import ProgramInputs, held_by
from smt.serving.serve import evaluating
from smt.spec import Spec

TOLERANCE = 1e-6
"""Largest difference of two probabilities that are equal but for rounding.

Of the means of values it is a fourth of their logs' difference, which is a share of the mean; of
logs above 1, relative to them: see `TweedieDeviance.comparable`.
"""

Distance = Callable[[Tensor, Tensor], float]


class ParityError(RuntimeError):
    """An exported program gives other scores than the network that it was made of."""


class Differences(Spec):
    """The largest difference of two scores, over all examples that were compared; see `TOLERANCE`.

    Attributes:
        from_served: The exported program from the network with the same tables.
        from_trained: From the network as it was trained: what rounding tables does.
        from_towers: `score` of `user` and `item` from `network`; None without towers.
    """

    examples: int
    from_served: float
    from_trained: float
    from_towers: float | None


@dataclass(frozen=True)
class Exports:
    """What was exported of a network, loaded again.

    Attributes:
        served: The copy of the network that the programs were made of.
        programs: Name -> the program and its inputs.
        score: Where the vectors of towers meet; None without towers.
        correction: Added to the logits.
    """

    network: Network
    served: Network
    programs: dict[str, tuple[Callable[..., Tensor], ProgramInputs]]
    score: Callable[..., Tensor] | None
    correction: float


def largest_distance(outputs: Tensor, expected: Tensor) -> float:
    """The largest difference; NaN where either is."""
    return float((outputs - expected).abs().max())


def largest_without_overflow(outputs: Tensor, expected: Tensor) -> float:
    """The same, but where both are NaN, as of examples whose own numbers overflow, it is none."""
    overflown = outputs.isnan() & expected.isnan()
    return float((outputs - expected).abs().masked_fill(overflown, 0.0).max())


@torch.no_grad()
def compare(exports: Exports, batches: Sequence[Batch], distance: Distance) -> Differences:
    """Score batches that were read with the network's features by programs and networks."""
    network, correction = exports.network, exports.correction
    held, device = held_by(network), network.bias.device
    losses = network.losses.first(len(network.events))
    from_served, from_trained, from_towers = [], [], []

    def apart(outputs: Tensor, expected: Tensor) -> float:
        return distance(losses.comparable(outputs), losses.comparable(expected))

    for batch in batches:
        examples = Examples.of(batch, training=False)
        scored = {
            name: program(inputs.of(examples, held))
            for name, (program, inputs) in exports.programs.items()
        }
        exported = scored["network"]
        served = network.scores(exports.served(batch) + correction)
        from_served.append(apart(exported, served))
        with evaluating(network):
            trained = network.scores(network(batch.to(device)).cpu() + correction)
        from_trained.append(apart(exported, trained))
        if exports.score is not None:
            towers = exports.score(scored["user"], scored["item"])
            from_towers.append(apart(exported, towers))
    return Differences(
        examples=sum(len(batch) for batch in batches),
        from_served=max(from_served),
        from_trained=max(from_trained),
        from_towers=max(from_towers, default=None),
    )


def require_parity(differences: Differences, *, rounded: bool, what: str) -> None:
    """Raise `ParityError` unless what should be equal is.

    Args:
        rounded: Whether tables were, so that the trained network may differ.
        what: The examples that were compared.
    """
    equal = {"the network that it serves": differences.from_served}
    if not rounded:
        equal["the trained network"] = differences.from_trained
    if differences.from_towers is not None:
        equal["the score of its towers"] = differences.from_towers
    for other, difference in equal.items():
        # Not `>`: NaN is no agreement.
        if not difference <= TOLERANCE:
            raise ParityError(
                f"the exported program differs from {other} by {difference:.2e}, on "
                f"{differences.examples} {what}; {TOLERANCE:.0e} is allowed"
            )
