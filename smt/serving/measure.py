"""What serving a network costs: FLOPs, bytes and latency."""

import time
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from smt.data import Batch
from smt.fleet.model_spec import Hardware
from smt.layers.examples import Examples
from smt.layers.networks import DecoupledSparseNN, Network
from smt.serving.requests import random_requests
from smt.serving.serve import evaluating, serve
from smt.serving.signature import UndescribedError, signature
from smt.serving.tables import Rows
from smt.spec import Spec
from smt.template import Template
from smt.template.flops import flops_of, one_example
from smt.threads import one_thread

KEPT = 1024
"""Networks, or pairs of them, whose latencies a process keeps."""

Latencies = tuple[tuple[float, ...], ...]
"""Milliseconds of each request, network by network."""


class ServingCost(Spec):
    """What serving costs.

    Attributes:
        flops: Of one example, as `count_flops` counts them: of the network as it is trained,
            auxiliary heads included.
        flops_item_cached: Of a decoupled network whose item vectors were computed ahead: the
            user's tower and where the two meet; None without towers.
        bytes: Of tables and everything else together.
        table_bytes: At the tables' precision, int8's scales and offsets included.
        dense_bytes: Of all other parameters and buffers.
        latency_ms, latency_ms_median: 99th percentile and median of a request of
            `batch_size` examples, on one thread where a CPU measures.
        target: Where the template's networks run.
        measured_on: What latency was measured on; not the target where this machine has none.
    """

    flops: int
    flops_item_cached: int | None
    bytes: int
    table_bytes: int
    dense_bytes: int
    latency_ms: float
    latency_ms_median: float
    batch_size: int
    target: Hardware
    measured_on: str


def measure_serving(
    network: Network,
    template: Template,
    *,
    requests: int = 200,
    warmup: int = 20,
) -> ServingCost:
    """Measure the copy of a network that serves, on random requests.

    Args:
        network: Stays as it is.
        template: Its template, with the model's own hyperparameters in it: of the tables'
            precision, the batch size and the target.
        requests: Timed, after `warmup` ones that are not.
    """
    (cost,) = measure_in_turn([(network, template)], requests=requests, warmup=warmup)
    return cost


def measure_in_turn(
    networks: Sequence[tuple[Network, Template]],
    *,
    requests: int = 200,
    warmup: int = 20,
) -> tuple[ServingCost, ...]:
    """Measure networks as `measure_serving` does, a request of each at a time.

    What else the machine does slows all of them alike, so that their latencies compare.
    """
    serving = [Measured(network, template) for network, template in networks]
    return costs_of(serving, time_in_turn(serving, requests, warmup))


def measure_once(
    networks: Sequence[tuple[Network, Template]],
    *,
    requests: int = 200,
    warmup: int = 20,
) -> tuple[ServingCost, ...]:
    """Measure as `measure_in_turn` does, but time networks that are alike once in this process.

    Those that differ in the values of their weights alone take as long to serve, and a fleet's
    models differ in few ways more: 251 of the simulated fleet in 57.
    """
    serving = [Measured(network, template) for network, template in networks]
    try:
        timed = _timed(tuple(measured.signature for measured in serving), requests)
    except UndescribedError:
        return costs_of(serving, time_in_turn(serving, requests, warmup))
    if not timed:
        timed.append(time_in_turn(serving, requests, warmup))
    return costs_of(serving, timed[0])


@lru_cache(maxsize=KEPT)
def _timed(signatures: tuple[str, ...], requests: int) -> list[Latencies]:
    """Where the latencies of networks with these signatures are, once they were taken."""
    return []


class Measured:
    """A copy of a network that serves random requests."""

    def __init__(self, network: Network, template: Template) -> None:
        self.serving, self.steps = template.serving, template.features.max_steps
        self.flops = _count(network, one_example(network, steps=self.steps))
        self.network = serve(network, self.serving.table_precision)
        self.losses = network.losses.first(len(network.events))
        modules = self.network.modules()
        self.table_bytes = sum(_bytes(rows) for rows in modules if isinstance(rows, Rows))
        self.dense_bytes = _bytes(self.network) - self.table_bytes
        self.device = device_of(self.serving.target)
        self.network.to(self.device)
        self.generator = torch.Generator().manual_seed(0)

    @property
    def signature(self) -> str:
        """Equal for networks that serve alike. Raises `UndescribedError` as `signature` does."""
        return signature(self.network, (self.serving, self.steps), ())

    def milliseconds(self) -> float:
        """Of the next request."""
        size, steps = self.serving.batch_size, self.steps
        batch = random_requests(self.network, size, steps=steps, generator=self.generator)
        batch = batch.to(self.device)
        _wait(self.device)
        started = time.perf_counter()
        self.losses.scores(self.network(batch))
        _wait(self.device)
        return (time.perf_counter() - started) * 1e3

    def cost(self, milliseconds: Sequence[float]) -> ServingCost:
        """With the latencies of requests."""
        flops, cached = self.flops
        return ServingCost(
            flops=flops,
            flops_item_cached=cached,
            bytes=self.table_bytes + self.dense_bytes,
            table_bytes=self.table_bytes,
            dense_bytes=self.dense_bytes,
            latency_ms=float(np.quantile(milliseconds, 0.99)),
            latency_ms_median=float(np.median(milliseconds)),
            batch_size=self.serving.batch_size,
            target=self.serving.target,
            measured_on=self.device.type,
        )


def time_in_turn(serving: Sequence[Measured], requests: int, warmup: int) -> Latencies:
    """Of each network, the milliseconds of `requests` requests after `warmup` untimed ones."""
    with one_thread(), torch.no_grad():
        for _ in range(warmup):
            for measured in serving:
                measured.milliseconds()
        taken = [[measured.milliseconds() for measured in serving] for _ in range(requests)]
    return tuple(zip(*taken, strict=True))


def costs_of(serving: Sequence[Measured], taken: Latencies) -> tuple[ServingCost, ...]:
    """The costs of networks whose requests took so long."""
    pairs = zip(serving, taken, strict=True)
    return tuple(measured.cost(milliseconds) for measured, milliseconds in pairs)


def device_of(target: Hardware) -> torch.device:
    """The target if this machine has one, else its CPU."""
    if target == "gpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if target == "accelerator" and torch.accelerator.is_available():
        accelerator = torch.accelerator.current_accelerator()
        assert accelerator is not None
        return accelerator
    return torch.device("cpu")


def _count(network: Network, example: Batch) -> tuple[int, int | None]:
    """FLOPs of an example, and with the item's vectors at hand."""
    example = example.to(network.bias.device)
    with evaluating(network):
        flops = flops_of(lambda: network(example))
        if not isinstance(network, DecoupledSparseNN):
            return flops, None
        of_item = flops_of(lambda: network.item_vectors(Examples.of(example, training=False)))
    return flops, flops - of_item


def _bytes(module: nn.Module) -> int:
    """Of parameters and buffers."""
    held = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize()
