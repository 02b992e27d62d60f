"""The Ray cluster: the one at hand, or one on this machine, and how a run divides it."""

import logging
import os
from contextlib import nullcontext
from dataclasses import dataclass

import ray
from ray.exceptions import RayError

from smt.errors import InputError, sentence
from smt.execution.address import check_address, one_try

# How Ray says that a socket's path has more bytes than the system takes.
_TOO_LONG = "AF_UNIX path length"
_LONGEST = 107


@dataclass(frozen=True)
class ClusterPlan:
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
    """Connect to the running Ray cluster, or start one on this machine where there is none.

    Raises:
        InputError: The cluster that is named is not there, within a minute; or Ray cannot start
            on this machine.
    """
    if ray.is_initialized():
        return
    address = check_address()
    try:
        with one_try() if address else nullcontext():
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        ray.shutdown()
        raise InputError(_explain(error, address)) from None


def _explain(error: Exception, address: str | None) -> str:
    """Why there is no Ray, and what to do, in one sentence."""
    if address:
        return (
            f"the Ray cluster at {address} cannot be used ({sentence(error).split('. ')[0]}); it "
            "must run this process's Ray and Python, with the same RAY_AUTH_MODE and token"
        )
    if os.environ.get("RAY_ADDRESS") == "auto" and isinstance(error, ConnectionError):
        return (
            "RAY_ADDRESS is 'auto', and no Ray cluster runs on this machine; unset it to start "
            "one, or run `ray start --head` before"
        )
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    folder = os.environ.get(name, "/tmp")
    if _TOO_LONG in str(error):
        excess = len(str(error).rpartition(": ")[2].encode()) - _LONGEST
        return (
            f"{name} is '{folder}', too long for Ray's sockets by {excess} bytes; set it to a "
            f"shorter path, as in {name}=/tmp"
        )
    if isinstance(error, OSError):
        return (
            f"Ray cannot start on this machine: {sentence(error)}; it writes to {folder}, so free "
            f"space there, or set {name} to a folder that you may write to"
        )
    return f"Ray cannot start on this machine: {sentence(error)}"
