"""Trained networks of one fleet, and the deltas between any two of them.

They are trained by the package's own `train`; a file each is kept.
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from smt.data import Log
from smt.data.simulator import SimulatorSpec
from smt.execution.evaluation import Task
from smt.fleet import Fleet, ModelSpec, SimulatedLog, log_name, select_representatives
from smt.fleet.fleet_file import FleetFile
from smt.fleet.logs import open_source
from smt.template import FleetTemplates, Template, count_fleet_flops
from smt.training import paired_delta, train

Floats = NDArray[np.float64]

FLEETS = Path(__file__).parents[1] / "experiments" / "fleets"
# Folder of a prepared log, or rows of the simulator's.
Source = str | int


@dataclass(frozen=True)
class Judged:
    """A network's `[n]` losses of its judged rows, and the ids by which these are clustered."""

    losses: NDArray[np.float32]
    groups: NDArray[np.int64] | None


@dataclass(frozen=True)
class Pool:
    """M models' P baselines against Q candidates, percent.

    Attributes:
        models: Names.
        weights: `[M]` traffic.
        deltas: `[M, P, Q]` by model, baseline and candidate.
        sems: `[M, P, Q]` standard errors over rows, clustered as those of an evaluation are.
    """

    models: tuple[str, ...]
    weights: Floats
    deltas: Floats
    sems: Floats

    @property
    def size(self) -> int:
        """Q, candidates a model."""
        return int(self.deltas.shape[2])

    def evaluate(self, model: int, base: int, candidate: int) -> tuple[float, float]:
        """Delta and standard error of one network against another."""
        place = model, base, candidate
        return float(self.deltas[place]), float(self.sems[place])


@dataclass(frozen=True)
class Workshop:
    """Where networks are trained and kept.

    Attributes:
        source: Of the log.
        out: Folder of the networks' losses.
        processes: Trainings at once, one thread each.
    """

    source: Source
    out: Path
    processes: int

    def train(
        self, template: Template, models: Sequence[ModelSpec], seeds: Sequence[int]
    ) -> list[list[Judged]]:
        """A network a seed, a list a model; what is not there is trained."""
        self.out.mkdir(parents=True, exist_ok=True)
        log = opened(self.source)
        wanted = [(model, seed) for model in models for seed in seeds]
        paths = [
            self.out
            / f"{Task(template=template, model=model, seed=seed, log_digest=log.digest).key}.npz"
            for model, seed in wanted
        ]
        missing = [pair for pair in zip(wanted, paths, strict=True) if not pair[1].exists()]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.processes, context) as pool:
            running = [
                pool.submit(train_one, template, model, seed, path, self.source)
                for (model, seed), path in missing
            ]
            for done in track(as_completed(running), "training", total=len(running)):
                done.result()
        judged = [read_judged(path) for path in paths]
        return [judged[first : first + len(seeds)] for first in range(0, len(judged), len(seeds))]


def make_pool(
    models: Sequence[ModelSpec],
    bases: Sequence[Sequence[Judged]],
    candidates: Sequence[Sequence[Judged]],
) -> Pool:
    """All baselines against all candidates, of every model."""
    pairs = [
        compare(own, others)
        for own, others in track([*zip(bases, candidates, strict=True)], "comparing")
    ]
    return Pool(
        models=tuple(model.name for model in models),
        weights=np.array([model.weight for model in models]),
        deltas=np.stack([deltas for deltas, _ in pairs]),
        sems=np.stack([sems for _, sems in pairs]),
    )


def compare(bases: Sequence[Judged], candidates: Sequence[Judged]) -> tuple[Floats, Floats]:
    """`[P, Q]` deltas and standard errors of one model's networks."""
    both = np.array(
        [
            [paired_delta(base.losses, candidate.losses, base.groups) for candidate in candidates]
            for base in bases
        ]
    )
    return both[..., 0], both[..., 1]


def representatives(
    source: Source,
    count: int,
    template: Template,
    where: Callable[[ModelSpec], bool] = lambda model: True,
) -> tuple[ModelSpec, ...]:
    """Of the simulator's fleet, on a log of so many rows, or of KuaiRand's.

    Args:
        where: Which of its models there are.
    """
    file = fleet_file(source)
    log = file.log_of("all")
    models = file.resolve(file.name).models
    kept = [model for model in models if model.log == log and where(model)]
    fleet = Fleet(name=file.name, models=tuple(kept))
    counted = count_fleet_flops(
        FleetTemplates.of_one(template, fleet), fleet, {log_name(log): opened(source)}
    )
    return select_representatives(counted, count=count).models


def fleet_file(source: Source) -> FleetFile:
    """The shipped fleet on so many rows of the simulator, or on a folder of KuaiRand's."""
    simulated = isinstance(source, int)
    file = FleetFile.load(FLEETS / ("simulated.yaml" if simulated else "kuairand.yaml"))
    log = SimulatedLog(simulator=SimulatorSpec(rows=source)) if isinstance(source, int) else source
    return file.model_copy(update={"log": log})


def train_one(template: Template, model: ModelSpec, seed: int, path: Path, source: Source) -> None:
    """Train a network; its judged rows are a file."""
    torch.set_num_threads(1)
    outcome = train(template, model, opened(source), seed=seed)
    groups = np.empty(0, np.int64) if outcome.groups is None else outcome.groups
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, losses=outcome.losses, groups=groups)
    partial.rename(path)


def read_judged(path: Path) -> Judged:
    """What `train_one` left."""
    with np.load(path) as arrays:
        return Judged(arrays["losses"], arrays["groups"] if len(arrays["groups"]) else None)


@cache
def opened(source: Source) -> Log:
    """The log in memory, once a process."""
    log = open_source(fleet_file(source).log_of("all"))
    return log.load(log.train.schema.names)
