"""Why a loss is not finite: which feature, parameter or rate it comes from."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from smt.data import Batch
from smt.data.columns import Embedding, Numeric
from smt.layers.networks import Network
from smt.template.training import Training
from smt.training.workers import Workers, total_counts

MOST_NAMED = 5


class InputFaults:
    """Which features have had a value that no network can read, in any batch so far.

    Counted on the device, without waiting for it: what a batch did to the parameters outlasts
    the batch.
    """

    def __init__(self, network: Network) -> None:
        columns = network.schema.columns
        self.numbers = [name for name in network.features if isinstance(columns[name], Numeric)]
        self.vectors = [name for name in network.features if isinstance(columns[name], Embedding)]
        self.counts: Tensor | None = None

    def note(self, batch: Batch) -> None:
        """Look through a batch: infinite numbers, and vectors with elements that are not finite."""
        wrong = [(~batch.embeddings[name].isfinite()).any(dim=1).sum() for name in self.vectors]
        counts = torch.cat([batch.numeric.isinf().sum(dim=0), *(count.view(1) for count in wrong)])
        self.counts = counts if self.counts is None else self.counts + counts

    def clauses(self, workers: Workers) -> list[str]:
        """One for each feature with such values, in any worker's examples; all must call it."""
        assert self.counts is not None
        counts = total_counts(self.counts, workers).tolist()
        what = ["an infinite value"] * len(self.numbers)
        what += ["an element that is not finite"] * len(self.vectors)
        return [
            f"feature '{name}' has {fault} in {count:,} of the examples so far"
            for name, count, fault in zip((*self.numbers, *self.vectors), counts, what, strict=True)
            if count
        ]


def cause_of(
    faults: InputFaults,
    network: nn.Module,
    batch: Batch,
    is_finite: Callable[[Batch], bool],
    training: Training,
    workers: Workers,
) -> str:
    """One clause: the features with faulty values, else those that overflow, else the rates.

    Args:
        network: Whose parameters are looked at.
        batch: That of the loss.
        is_finite: Whether the loss is finite on a batch that is like it but for some features;
            asked by a single worker only.
    """
    clauses = faults.clauses(workers)
    if clauses:
        return _listed(clauses)
    broken = [n for n, p in network.named_parameters() if not p.detach().isfinite().all()]
    rates = f"dense_rate {training.dense_rate:g}, table_rate {training.table_rate:g}"
    if broken:
        return (
            f"all features are finite, but {len(broken):,} parameters are not, first "
            f"'{broken[0]}': a rate may be too high ({rates})"
        )
    if workers.count == 1:
        blamed = [
            _overflow(name, values)
            for name, values, without in _without_each(faults, batch)
            if is_finite(without)
        ]
        if blamed:
            return _listed(blamed)
    return f"all features and parameters are finite, so a rate may be too high ({rates})"


def _without_each(faults: InputFaults, batch: Batch) -> list[tuple[str, Tensor, Batch]]:
    """Name, values, and the batch without them: a number missing, a vector of zeros."""
    cases = []
    for place, name in enumerate(faults.numbers):
        numeric = batch.numeric.clone()
        numeric[:, place] = torch.nan
        cases.append((name, batch.numeric[:, place], replace(batch, numeric=numeric)))
    for name, vectors in batch.embeddings.items():
        zeros = {**batch.embeddings, name: torch.zeros_like(vectors)}
        cases.append((name, vectors, replace(batch, embeddings=zeros)))
    return cases


def _overflow(name: str, values: Tensor) -> str:
    largest = float(values.nan_to_num(0.0).abs().max())
    return f"feature '{name}', with values up to {largest:.3g}, overflows"


def _listed(clauses: list[str]) -> str:
    more = len(clauses) - MOST_NAMED
    return "; ".join(clauses[:MOST_NAMED]) + (f"; and {more} more features" if more > 0 else "")
