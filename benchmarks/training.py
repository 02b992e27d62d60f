"""Training steps: the templates beside torchrec's models of equal size, and beside another build.

All contestants of a size, and both builds, take turns in one run, on one thread each; a ratio
is the median over the rounds of the peer's CPU time over ours. All keep the memory that they free,
as our workers do; beside peers, all flush denormal numbers, as which the gradients of labels
learnt by heart come to be, DLRM_DCN's soonest. Prints a line a size, and a JSON line last:

  faster       size -> peer -> by how much ours is faster; of `dense_part`, the share of its speed
  before       by how much the ranking model's step is faster than the other build's, or null
  before_bare  the same where the other build's process does not keep the memory that it frees
  apart        largest difference of the two builds' losses, batch by batch

`--before PATH` names a worktree of the other build, such as the commit before a change.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from training_contestants import Size, contestants
from training_steps import Step

from smt.allocator import MMAP_THRESHOLD, TRIM_THRESHOLD, keep_freed_memory
from smt.command_line import run

HERE = Path(__file__).resolve().parent
# What `smt.allocator` sets, for builds that have none.
KEPT = f"glibc.malloc.mmap_threshold={MMAP_THRESHOLD}:glibc.malloc.trim_threshold={TRIM_THRESHOLD}"
Ratios = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Config:
    """What is measured.

    Attributes:
        templates: Names of templates that stand beside peers.
        rows: Rows of each of twenty tables.
        batches: Examples a step.
        ids: How they are drawn: uniform, zipf.
        rounds: Of which each is timed; one more goes before them.
        steps: Of each contestant a round.
        before: Folder of another build; "" for none.
        model: Template of the ranking model that both builds train.
        log: Its prepared log.
        event: What it predicts.
    """

    templates: tuple[str, ...] = (
        "sparsenn_small@1",
        "sparsenn_medium@1",
        "sparsenn_large@1",
        "decoupled_sparsenn_small@1",
    )
    rows: tuple[int, ...] = (10_000,)
    batches: tuple[int, ...] = (512,)
    ids: tuple[str, ...] = ("uniform",)
    rounds: int = 5
    steps: int = 5
    before: str = ""
    model: str = "sparsenn_small@1"
    log: str = "data/kuairand"
    event: str = "click"


def main(config: Config) -> None:
    """Measure, print."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    faster: Ratios = {}
    for name, rows, batch, ids in product(
        config.templates, config.rows, config.batches, config.ids
    ):
        label = f"{name}, {rows:,} rows, {batch}, {ids}"
        faster[label] = race(contestants(name, Size(rows, batch, ids)), config)
        ratios = ", ".join(f"{peer} {times:.2f}" for peer, times in faster[label].items())
        print(f"{label}: {ratios}", flush=True)
    other = (
        beside(config) if config.before else {"before": None, "before_bare": None, "apart": None}
    )
    print(json.dumps({"faster": faster, **other}))


def race(steps: dict[str, Step], config: Config) -> dict[str, float]:
    """Contestant -> its time over that of the first, which is ours."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(1 + config.rounds):
        for name, step in steps.items():
            started = time.thread_time()
            for _ in range(config.steps):
                step()
            times[name].append(time.thread_time() - started)
    own, *others = times
    return {name: ratio(times[name][1:], times[own][1:]) for name in others}


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return round(statistics.median(a / b for a, b in zip(theirs, ours, strict=True)), 3)


def beside(config: Config) -> dict[str, float]:
    """The other build's time over this one's, and how far their losses are apart."""
    other, own = Path(config.before).resolve(), HERE.parent
    contestants = [(own, KEPT), (other, KEPT), (other, "")]
    rounds = 1 + config.rounds
    seconds: list[list[float]] = [[] for _ in contestants]
    losses: list[list[float]] = [[] for _ in contestants]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(start_worker(build, tunables, config, rounds))
            for build, tunables in contestants
        ]
        for _ in range(rounds):
            for place, worker in enumerate(workers):
                assert worker.stdin is not None
                assert worker.stdout is not None
                worker.stdin.write("\n")
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                seconds[place].append(answer["seconds"])
                losses[place] += answer["losses"]
    ours, alike, bare = (times[1:] for times in seconds)
    return {
        "before": ratio(alike, ours),
        "before_bare": ratio(bare, ours),
        "apart": max(abs(a - b) for a, b in zip(*losses[:2], strict=True)),
    }


def start_worker(build: Path, tunables: str, config: Config, rounds: int) -> subprocess.Popen[str]:
    """A process of a build that takes `config.steps` steps for each line it is sent."""
    name, _, version = config.model.partition("@")
    log = str(Path(config.log).resolve())
    return subprocess.Popen(
        [
            sys.executable,
            str(HERE / "training_worker.py"),
            *(log, name, version, config.event, str(config.steps), str(rounds)),
        ],
        env={**os.environ, "PYTHONPATH": str(build), "GLIBC_TUNABLES": tunables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    run(main, Config)
