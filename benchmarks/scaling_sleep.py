"""What workers run in place of training: sleep. They import this file, and no torch."""

import os
import time
from dataclasses import dataclass
from typing import Any

import ray
from ray import cloudpickle


@dataclass(frozen=True)
class Sealed:
    """What is sent to a worker whole but arrives as bytes, so that it need not import torch."""

    content: Any

    def __reduce__(self) -> tuple[Any, ...]:
        """As Ray would pickle the content, and bytes on the other side."""
        return bytes, (cloudpickle.dumps(self.content),)


@dataclass(frozen=True)
class Slept:
    """A call on a worker.

    Attributes:
        worker: Its process.
        begun, ended: Seconds on the machine's clock, around the sleep alone.
        made: What a real call would have returned, pickled.
    """

    worker: int
    begun: float
    ended: float
    made: bytes


def sleep_instead(job: bytes, made: list[Any], seconds: float) -> Slept:
    """In place of `make_instance`: `made` boxes a reference, as the log's is boxed there."""
    begun = time.time()
    time.sleep(seconds)
    return Slept(os.getpid(), begun, time.time(), ray.get(made[0]))


class Sleeper:
    """In place of a `WarmWorker`."""

    def ready(self) -> None:
        """Return once the process is up."""

    def sleep(self, task: bytes, losses: list[Any], seconds: float) -> Slept:
        """In place of an evaluation; `losses` boxes a reference to its baseline's."""
        begun = time.time()
        time.sleep(seconds)
        return Slept(os.getpid(), begun, time.time(), b"")
