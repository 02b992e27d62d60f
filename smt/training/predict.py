"""A network judged on the rows of the test window."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smt.data import Batch, read_batches
from smt.data.columns import Numeric
from smt.layers.event_losses import EventLosses
from smt.layers.losses import Background
from smt.layers.networks import Network
from smt.training.event_metrics import EventMetrics, ValueMetrics
from smt.training.learner import DivergedError
from smt.training.metrics import judged_metrics
from smt.training.windows import Windows

EVALUATION_BATCH = 4096


@dataclass(frozen=True)
class Predictions:
    """Of the judged rows: n of them, and E events.

    Attributes:
        logits: `[n, E]`.
        labels: `[n, E]` 0 or 1, or values; or the events' true probabilities and means.
        weights: `[n]`.
        floors: `[n, E]` what the true means of values are judged by beside their labels; see
            `Batch`.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    floors: NDArray[np.float64] | None = None


def judged_batches(
    reads: Network, windows: Windows, size: int, *, truth: bool = False
) -> Iterator[Batch]:
    """The judged rows in batches of `size` rows, with what a network reads; see `read_batches`."""
    return read_batches(
        windows.log.test,
        windows.log.schema,
        features=reads.features,
        events=reads.events,
        where=windows.where,
        batch_size=size,
        steps=reads.reads_steps,
        truth=truth,
    )


@torch.no_grad()
def predict(
    network: nn.Module,
    reads: Network,
    windows: Windows,
    correction: float,
    device: torch.device,
) -> Predictions:
    """Run a network in evaluation mode over the test window.

    Args:
        network: The network, or the same network sharded.
        reads: The plain network, which knows what to read.
        correction: Added to logits: see `Course`.

    Raises:
        DivergedError: A number is infinite, or an element of an embedding is not finite.
    """
    logits, labels, weights = [], [], []
    for batch in judged_batches(reads, windows, EVALUATION_BATCH):
        logits.append(predict_batch(network, reads, batch, device).double().cpu() + correction)
        labels.append(batch.labels.double())
        weights.append(batch.weights.double())
    return Predictions(
        torch.cat(logits).numpy(), torch.cat(labels).numpy(), torch.cat(weights).numpy()
    )


@torch.no_grad()
def predict_batch(network: nn.Module, reads: Network, batch: Batch, device: torch.device) -> Tensor:
    """`[B, E]` logits of one batch, by a network in evaluation mode; see `predict`."""
    _require_finite(batch, reads)
    logits: Tensor = network(batch if device.type == "cpu" else batch.to(device))
    return logits


def _require_finite(batch: Batch, reads: Network) -> None:
    """Raise `DivergedError` for values that a request may have, but no log that is judged by."""
    numeric = [n for n in reads.features if isinstance(reads.schema.columns[n], Numeric)]
    wrong = {name: batch.numeric[:, place].isinf() for place, name in enumerate(numeric)}
    wrong |= {name: ~vectors.isfinite() for name, vectors in batch.embeddings.items()}
    for name, values in wrong.items():
        if values.any():
            raise DivergedError(f"a value of '{name}' in the judged rows is not finite")


def judge(
    predictions: Predictions, backgrounds: Mapping[str, Background]
) -> tuple[dict[str, EventMetrics | ValueMetrics], NDArray[np.float32]]:
    """The figures of each event, and every example's contribution to NE.

    Args:
        backgrounds: Of the predictions' events, in their order.

    Raises:
        DivergedError: A prediction or a loss is not finite.
    """
    logits, weights = predictions.logits, predictions.weights
    if not np.isfinite(logits).all():
        raise DivergedError("a test prediction is not finite")
    losses_of_events = event_losses(predictions, logits, backgrounds)
    metrics = {
        event: judged_metrics(
            logits[:, column],
            predictions.labels[:, column],
            losses_of_events[:, column],
            background,
            weights,
        )
        for column, (event, background) in enumerate(backgrounds.items())
    }
    normalised = _normalised(losses_of_events, backgrounds)
    losses = (normalised * weights / weights.mean()).astype(np.float32)
    if not np.isfinite(losses).all():
        raise DivergedError("a test loss is not finite")
    return metrics, losses


def constant_ne(
    predictions: Predictions, backgrounds: Mapping[str, Background], constants: Mapping[str, float]
) -> float:
    """NE on the same rows of predicting a constant for each event, such as its training rate."""
    means = np.array([*constants.values()])
    kinds = [background.kind for background in backgrounds.values()]
    row = [kind.constants(mean) for kind, mean in zip(kinds, means, strict=True)]
    logits = np.broadcast_to(row, predictions.labels.shape)
    losses = _normalised(event_losses(predictions, logits, backgrounds), backgrounds)
    return float(np.average(losses, weights=predictions.weights))


def event_losses(
    predictions: Predictions, logits: NDArray[np.float64], backgrounds: Mapping[str, Background]
) -> NDArray[np.float64]:
    """`[n, E]` losses of the rows, of other logits than the predictions' own."""
    kinds = EventLosses(tuple(background.kind for background in backgrounds.values()))
    losses = kinds.losses(logits, predictions.labels)
    return losses if predictions.floors is None else losses + predictions.floors


def _normalised(
    losses: NDArray[np.float64], backgrounds: Mapping[str, Background]
) -> NDArray[np.float64]:
    """`[n]` mean over the events."""
    return np.asarray((losses / [each.loss for each in backgrounds.values()]).mean(axis=1))
