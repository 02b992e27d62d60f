"""One evaluation: train a network in one pass over the past, judge it on what came next."""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data import Log, read_batches
from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.layers.initialize import initialize
from smt.template import Template, build, count_flops
from smt.training.metrics import EventMetrics, entropy, event_metrics, example_losses
from smt.training.parallel import LOCAL, Workers, all_finite, parallelize, total_weight
from smt.training.schedule import rate_factor
from smt.training.windows import Windows, model_windows

EVALUATION_BATCH = 4096
CHECK_EVERY = 16


class DivergedError(RuntimeError):
    """Training made a loss that is not a finite number."""


@dataclass(frozen=True)
class Outcome:
    """What one evaluation found.

    Attributes:
        ne: Mean normalized entropy over the model's events, on the test window.
        metrics: event -> its figures.
        losses: `[n]` float32 contributions of the test examples to `ne`; their mean is `ne`.
        flops: Of one example, counted.
        train_rows: Examples trained on.
        seconds: Wall time of training and evaluation together.
    """

    ne: float
    metrics: dict[str, EventMetrics]
    losses: NDArray[np.float32]
    flops: int
    train_rows: int
    seconds: float


def train(
    template: Template, model: ModelSpec, log: Log, *, seed: int = 0, workers: Workers = LOCAL
) -> Outcome:
    """Train the template's network for a model and evaluate it.

    The same arguments give the same numbers to the last bit, wherever this runs. Two
    templates see the same examples in the same order, and start from the same values of
    every parameter that both have.

    Args:
        log: The model's log; windows in memory or on disk.
        workers: This process's place among those that train together.

    Raises:
        InputError: The model does not fit its log, or its FLOPs limit.
        DivergedError: A loss was not finite.
    """
    started = time.perf_counter()
    flops = _check_flops(template, model, log)
    windows = model_windows(model, log)
    network = build(template, model, log.schema, _device(workers))
    initialize(network, seed)
    _start_at_base_rates(network.head, [windows.base_rates[event] for event in model.events])
    trained, rows = _fit(network, template, model, windows, workers)
    logits, labels, weights = _predict(trained, model, windows, _device(workers))
    metrics, losses = _judge(logits, labels, weights, windows.base_rates)
    if not np.isfinite(losses).all():
        raise DivergedError("a test loss is not finite")
    return Outcome(
        ne=float(losses.mean(dtype=np.float64)),
        metrics=metrics,
        losses=losses,
        flops=flops,
        train_rows=rows,
        seconds=time.perf_counter() - started,
    )


def _device(workers: Workers) -> torch.device:
    """The GPU that Ray gave this process, if it trains alone; else the CPU."""
    on_gpu = workers.count == 1 and torch.cuda.is_available()
    return torch.device("cuda" if on_gpu else "cpu")


def _check_flops(template: Template, model: ModelSpec, log: Log) -> int:
    flops = count_flops(template, model, log.schema)
    limit = model.limits.flops
    if template.serving.enforce_flops_limit and limit is not None and flops > limit:
        raise InputError(f"the network needs {flops:,} FLOPs an example, the limit is {limit:,}")
    return flops


def _start_at_base_rates(head: nn.Linear, rates: list[float]) -> None:
    """Let the first prediction be the base rate: rare events need no steps to get there."""
    with torch.no_grad():
        head.bias.copy_(torch.logit(torch.tensor(rates, dtype=torch.float64)))


def _fit(
    network: nn.Module, template: Template, model: ModelSpec, windows: Windows, workers: Workers
) -> tuple[nn.Module, int]:
    training = template.training
    local_batch, remainder = divmod(training.batch_size, workers.count)
    if remainder:
        raise InputError(
            f"batch_size {training.batch_size} does not divide among {workers.count} workers"
        )
    rows = min(windows.rows, template.data.train_rows or windows.rows)
    skip = windows.rows - rows
    if workers.count > 1:
        # Workers make the same number of steps: an incomplete last round is dropped.
        rows -= rows % training.batch_size
        if rows == 0:
            raise InputError(
                f"the training window has fewer rows than one batch of {training.batch_size} "
                f"over {workers.count} workers"
            )
    steps = max(math.ceil(rows / training.batch_size), 1)
    device = _device(workers)
    rates = torch.tensor([windows.base_rates[event] for event in model.events], device=device)
    smoothing = template.data.label_smoothing
    network, optimizers = parallelize(network.train(), training, workers)
    for step, batch in enumerate(
        read_batches(
            windows.log.train,
            windows.log.schema,
            features=model.features,
            events=model.events,
            where=windows.where,
            batch_size=local_batch,
            skip=skip,
            shard=(workers.rank, workers.count),
        )
    ):
        for optimizer, rate in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * rate_factor(training.schedule, step, steps)
            optimizer.zero_grad()
        batch = batch if device.type == "cpu" else batch.to(device)
        labels = torch.lerp(batch.labels, rates, smoothing) if smoothing else batch.labels
        total = total_weight(batch.weights, workers)
        loss = _weighted_loss(network(batch), labels, batch.weights, total)
        if step % CHECK_EVERY == 0 and not all_finite(loss, workers):
            raise DivergedError(f"the training loss is not finite at step {step} of {steps}")
        torch.autograd.backward(loss)
        for optimizer, _ in optimizers:
            optimizer.step()
    return network, rows


def _weighted_loss(logits: Tensor, labels: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """Mean over examples (weighted) and events of the cross entropy of `[B, E]` logits."""
    losses = binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(dim=1)
    return (losses * weights).sum() / total


@torch.no_grad()
def _predict(
    network: nn.Module, model: ModelSpec, windows: Windows, device: torch.device
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """`[n, E]` logits, `[n, E]` labels and `[n]` weights of the test window."""
    network.eval()
    logits, labels, weights = [], [], []
    for batch in read_batches(
        windows.log.test,
        windows.log.schema,
        features=model.features,
        events=model.events,
        where=windows.where,
        batch_size=EVALUATION_BATCH,
    ):
        inputs = batch if device.type == "cpu" else batch.to(device)
        logits.append(network(inputs).double().cpu())
        labels.append(batch.labels.double())
        weights.append(batch.weights.double())
    return torch.cat(logits).numpy(), torch.cat(labels).numpy(), torch.cat(weights).numpy()


def _judge(
    logits: NDArray[np.float64],
    labels: NDArray[np.float64],
    weights: NDArray[np.float64],
    base_rates: dict[str, float],
) -> tuple[dict[str, EventMetrics], NDArray[np.float32]]:
    if not np.isfinite(logits).all():
        raise DivergedError("a test prediction is not finite")
    metrics = {
        event: event_metrics(logits[:, column], labels[:, column], rate, weights)
        for column, (event, rate) in enumerate(base_rates.items())
    }
    entropies = np.array([entropy(rate) for rate in base_rates.values()])
    normalised = (example_losses(logits, labels) / entropies).mean(axis=1)
    return metrics, (normalised * weights / weights.mean()).astype(np.float32)
