"""What of a loss is due to which feature, to first order: gradient times value."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from smt.data import Batch
from smt.layers.examples import Examples
from smt.layers.jagged import Jagged, segment_sum
from smt.layers.networks import Network
from smt.layers.representation import Representation, Represented

Watched = list[tuple[Tensor, Callable[[Tensor], Mapping[str, Tensor]]]]
"""Tensors with a gradient to come, and how gradient times value becomes `[B]` a feature."""


def attribute(
    network: Network, batch: Batch, correction: float, backgrounds: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses of B examples, and by feature how its values change them, to first order.

    A feature's share is the gradient at its token times the token's distance from its mean
    over the batch. Numeric features and past rates share tokens, so theirs are taken at the
    values instead, where the units of numeric features cancel; a missing value has none.
    A sequence that interactions read step by step has the shares of its steps, too.

    Args:
        network: A plain network in evaluation mode. Its tables do not learn from this.
        correction: Added to logits: see `Course`.
        backgrounds: `[E]` by which the events' losses are normalised.

    Returns:
        `[B]` weighed losses, contributions to NE, and by feature `[B]` shares of them.
    """
    watched: Watched = []
    with ExitStack() as hooks:
        for module in network.modules():
            if isinstance(module, Representation):
                _watch(module, watched, hooks)
        logits = network(batch).double() + correction
    errors = network.losses.first(len(network.events)).errors(logits, batch.labels.double())
    losses = (errors / backgrounds).mean(dim=1) * batch.weights
    # Only the way back to what is watched is gone, so no table's fused optimizer takes a step.
    gradients = torch.autograd.grad(
        losses.sum(),
        [value for value, _ in watched],
        allow_unused=True,
        materialize_grads=True,
    )
    shares: dict[str, Tensor] = {}
    for (value, spread), gradient in zip(watched, gradients, strict=True):
        known = value.detach().double()
        # One infinite value must not take the shares of all others with it.
        distance = known - known.masked_fill(known.isinf(), torch.nan).nanmean(dim=0)
        for name, share in spread((gradient * distance).nan_to_num(posinf=0.0, neginf=0.0)).items():
            shares[name] = shares[name] + share if name in shares else share
    return losses.detach(), shares


def _watch(representation: Representation, watched: Watched, hooks: ExitStack) -> None:
    """Add what a representation reads and makes."""
    columns = dict(zip(representation.numeric_names, representation.numeric_columns, strict=True))

    def read(_: object, args: tuple[Examples]) -> tuple[Examples]:
        numeric = args[0].numeric.detach().requires_grad_()
        watched.append((numeric, lambda terms: {n: terms[:, c] for n, c in columns.items()}))
        return (args[0]._replace(numeric=numeric),)

    def rate(_: object, args: tuple[Tensor]) -> tuple[Tensor]:
        rates = args[0].detach().requires_grad_()
        rated = representation.rated
        watched.append((rates, lambda terms: _sums(terms.view(len(terms), len(rated), -1), rated)))
        return (rates,)

    def make(_: object, args: object, output: Represented) -> Represented:
        watched.append((output.tokens, lambda terms: _sums(terms, representation.token_names)))
        sequences = []
        for place, steps in enumerate(output.sequences):
            # Cut off, or a step would count once more through its sequence's token.
            values = steps.values.detach().requires_grad_()
            sequences.append(steps.with_values(values))
            watched.append((values, _step_sums(representation, place, steps)))
        return Represented(output.tokens, sequences)

    hooks.callback(representation.register_forward_pre_hook(read).remove)
    hooks.callback(representation.register_forward_hook(make).remove)
    if representation.past_rates is not None:
        project = representation.past_rates.project
        hooks.callback(project.register_forward_pre_hook(rate).remove)


def _sums(terms: Tensor, names: Sequence[str | None]) -> dict[str, Tensor]:
    """`[B, F, D]` summed to `[B]` each of F names; those without a name are left out."""
    return {
        name: terms[:, place].sum(dim=1) for place, name in enumerate(names) if name is not None
    }


def _step_sums(
    representation: Representation, place: int, steps: Jagged
) -> Callable[[Tensor], Mapping[str, Tensor]]:
    """From the `[L, D]` steps of the sequence at a place to `[B]` of its name."""
    assert representation.steps is not None
    name = [*representation.steps.readers][place]
    return lambda terms: {name: segment_sum(steps.with_values(terms.sum(dim=1)))}
