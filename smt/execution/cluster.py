"""The Ray cluster: the one at hand, or one on this machine, and how a run divides it."""

import logging
from dataclasses import dataclass

import ray


@dataclass(frozen=True)
class Capacity:
    """How a run divides the cluster.

    Attributes:
        pool: Warm workers, each a process with one CPU, and one GPU where there are GPUs.
        runs: How many Ray Train runs of their own go at the same time.
        gpu: Whether single-worker evaluations train on GPUs. Untested here: no GPU at hand.
    """

    pool: int
    runs: int
    gpu: bool = False


def connect() -> None:
    """Connect to the running Ray cluster, or start one on this machine where there is none."""
    if ray.is_initialized():
        return
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
