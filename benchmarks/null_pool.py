"""Networks that differ by their seed alone, and the deltas between any two of them.

They are trained by the package's own `train`, on the simulator's fleet; a file each is kept.
"""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from smt.data import Log
from smt.data.simulator import Simulator, SimulatorSpec
from smt.execution.evaluation import Task
from smt.fleet import ModelSpec, SimulatedLog, load_fleet, log_name, select_representatives
from smt.template import Template, count_fleet_flops, load_version
from smt.training import paired_delta, train
from smt.training.windows import read_groups

Floats = NDArray[np.float64]

FLEET = Path(__file__).parents[1] / "experiments" / "fleets" / "simulated.yaml"


@dataclass(frozen=True)
class Pool:
    """M models' networks of P seeds against each other, percent.

    Attributes:
        models: Names.
        weights: `[M]` traffic.
        deltas: `[M, P, P]` by model, baseline and candidate.
        sems: `[M, P, P]` standard errors over rows, clustered as those of an evaluation are.
    """

    models: tuple[str, ...]
    weights: Floats
    deltas: Floats
    sems: Floats

    @property
    def size(self) -> int:
        """P, networks a model."""
        return int(self.deltas.shape[1])

    def evaluate(self, model: int, base: int, candidate: int) -> tuple[float, float]:
        """Delta and standard error of one network against another."""
        place = model, base, candidate
        return float(self.deltas[place]), float(self.sems[place])


def make_pool(rows: int, models: int, networks: int, *, out: Path, processes: int) -> Pool:
    """Train what is not there yet.

    Args:
        rows: Of the simulator's log.
        models: How many representatives.
        networks: P, seeds 0 to P - 1.
        out: Folder of the networks' losses.
        processes: Trainings at once, one thread each.
    """
    out.mkdir(parents=True, exist_ok=True)
    chosen = representatives(rows, models)
    tasks = [task(rows, model, seed) for model in chosen for seed in range(networks)]
    paths = [out / f"{each.key}.npy" for each in tasks]
    missing = [pair for pair in zip(tasks, paths, strict=True) if not pair[1].exists()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        running = [pool.submit(train_one, each, path, rows) for each, path in missing]
        for done in track(as_completed(running), "training", total=len(running)):
            done.result()
    losses = [np.load(path) for path in paths]
    pairs = [
        compare(
            losses[number * networks : (number + 1) * networks], read_groups(model, simulated(rows))
        )
        for number, model in enumerate(track(chosen, "comparing"))
    ]
    return Pool(
        models=tuple(model.name for model in chosen),
        weights=np.array([model.weight for model in chosen]),
        deltas=np.stack([deltas for deltas, _ in pairs]),
        sems=np.stack([sems for _, sems in pairs]),
    )


def compare(
    losses: Sequence[NDArray[np.float32]], groups: NDArray[np.int64] | None
) -> tuple[Floats, Floats]:
    """`[P, P]` deltas and standard errors of all pairs of one model's networks."""
    both = np.array(
        [[paired_delta(base, candidate, groups) for candidate in losses] for base in losses]
    )
    return both[..., 0], both[..., 1]


def representatives(rows: int, count: int) -> tuple[ModelSpec, ...]:
    """Of the simulator's fleet, on a log of so many rows."""
    fleet = load_fleet(FLEET)
    source = SimulatedLog(simulator=SimulatorSpec(rows=rows))
    moved = [model.model_copy(update={"log": source}) for model in fleet.models]
    fleet = fleet.model_copy(update={"models": tuple(moved)})
    counted = count_fleet_flops(template(), fleet, {log_name(source): simulated(rows)})
    return select_representatives(counted, count=count).models


def train_one(network: Task, path: Path, rows: int) -> None:
    """Train a network; its test losses are a file."""
    torch.set_num_threads(1)
    losses = train(template(), network.model, simulated(rows), seed=network.seed).losses
    partial = path.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, losses)
    partial.rename(path)


def task(rows: int, model: ModelSpec, seed: int) -> Task:
    """What names a network: everything that its numbers depend on."""
    return Task(template=template(), model=model, seed=seed, log_digest=simulated(rows).digest)


@cache
def simulated(rows: int) -> Log:
    """The log, drawn once a process."""
    return Simulator(SimulatorSpec(rows=rows)).log()


@cache
def template() -> Template:
    """SparseNN Small."""
    return load_version("sparsenn_small")
