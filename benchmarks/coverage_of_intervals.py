"""Do the 95% intervals of Δ hold the true Δ, of real networks on a real log and where it is known?

Networks with a technique and without it are trained of several seeds. On the simulator, Δ over one
half of the seeds, as fresh seeds measure it (`smt.mmo.verdict.confirmation.measure`: rows,
clustered, and seeds), is held against truth mode's over the other half. On a log whose truth
nobody knows, the judged rows' clusters are cut in two at random, and Δ of one half of the clusters
and seeds is held against Δ of the others: two measurements that share nothing. Their difference
over its standard error is a standard normal number where the standard errors are right.

Prints a JSON line last, by log:

  coverage    share of (technique, model, cut) whose difference is within 1.96 standard errors
  deviation   standard deviation of difference over standard error; above 1, errors are too small
  mean        of μ likewise: share within 1.96, over (technique, cut)
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from network_pool import Judged, Source, Workshop, representatives
from numpy.typing import NDArray

from smt.command_line import run
from smt.fleet import ModelSpec
from smt.mmo.verdict.confirmation import measure
from smt.results.technique import Replication
from smt.search.aggregate import aggregate
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.techniques import find_technique
from smt.template import Template, find_template
from smt.training import paired_delta

NORMAL = 1.96
# Networks with a technique and without it, of one model: a pair a seed.
Pairs = list[tuple[Judged, Judged]]


@dataclass(frozen=True)
class Config:
    """What is measured.

    Attributes:
        log: Folder of a prepared KuaiRand log; "" leaves it out.
        simulated_rows: Rows of the simulated log; 0 leaves it out.
        template: To which the techniques are applied.
        techniques: By name, each at the first quasi-random point of its space.
        models: Representatives of each fleet.
        seeds: Of each half.
        cuts: Of the clusters in two, at random.
        train_rows: Of KuaiRand, the latest.
        processes: Trainings at once, one thread each.
        out: Folder of the networks; a second call goes on from there.
    """

    log: str = "data/kuairand"
    simulated_rows: int = 30_000
    template: str = "experiments/templates/sparsenn_demo/v1.yaml"
    techniques: tuple[str, ...] = ("ema_weights", "dcn_v2", "table_learning_rate")
    models: int = 20
    seeds: int = 2
    cuts: int = 20
    train_rows: int = 30_000
    processes: int = 2
    out: str = "runs/coverage"


@dataclass(frozen=True)
class Differences:
    """Of two measurements, over their standard errors: of models, and of μ."""

    models: list[float]
    means: list[float]

    def summary(self) -> dict[str, float]:
        """The figures of the top."""
        return {
            "coverage": covered(self.models),
            "deviation": round(float(np.std(self.models)), 3),
            "mean": covered(self.means),
        }


def main(config: Config) -> None:
    """Train what is not there yet, compare, print."""
    summaries = {}
    template = find_template(config.template)
    if config.simulated_rows:
        summaries["simulated"] = known_truth(template, config).summary()
    if config.log:
        recent = template.change("data", train_rows=config.train_rows)
        summaries["kuairand"] = two_halves(recent, config).summary()
    print(json.dumps(summaries))


def known_truth(template: Template, config: Config) -> Differences:
    """One half of the seeds against truth mode of the other, on the simulator."""
    models = representatives(config.simulated_rows, config.models, template)
    first, second = seeds_of(config)
    true = template.change("training", judge="truth")
    measured = train_pairs(template, models, config.simulated_rows, first, config)
    truths = train_pairs(true, models, config.simulated_rows, second, config)
    return join(
        differences(measure_pairs(of_models, models), measure_pairs(other, models))
        for of_models, other in zip(measured, truths, strict=True)
    )


def two_halves(template: Template, config: Config) -> Differences:
    """One half of the clusters and seeds against the other, on the log."""
    models = representatives(config.log, config.models, template)
    first, second = (
        train_pairs(template, models, config.log, seeds, config) for seeds in seeds_of(config)
    )
    return join(
        differences(
            measure_pairs(of_models, models, cut, half=0), measure_pairs(other, models, cut, half=1)
        )
        for of_models, other in zip(first, second, strict=True)
        for cut in range(config.cuts)
    )


def seeds_of(config: Config) -> tuple[range, range]:
    """Of the two measurements."""
    return range(config.seeds), range(config.seeds, 2 * config.seeds)


def train_pairs(
    template: Template,
    models: Sequence[ModelSpec],
    source: Source,
    seeds: Sequence[int],
    config: Config,
) -> Iterator[list[Pairs]]:
    """A technique at a time: pairs of each model."""
    workshop = Workshop(source, Path(config.out), config.processes)
    bases = workshop.train(template, models, seeds)
    for name in config.techniques:
        technique = find_technique(name)
        (theta,) = Encoding(technique.space).sobol(1, seed=0)
        changed = workshop.train(technique.apply(template, theta), models, seeds)
        yield [
            list(zip(before, after, strict=True))
            for before, after in zip(bases, changed, strict=True)
        ]


def measure_pairs(
    of_models: Sequence[Pairs], models: Sequence[ModelSpec], cut: int = 0, half: int | None = None
) -> Replication:
    """As fresh seeds are measured, on all judged rows or on one half of their clusters."""
    goal = Goal.over(len(models), [model.weight for model in models])
    trials = []
    for of_seed in zip(*of_models, strict=True):
        pairs = [compare(before, after, cut, half) for before, after in of_seed]
        deltas, sems = zip(*pairs, strict=True)
        outcome = aggregate(deltas, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
        trials.append(Trial({}, deltas, sems, outcome))
    names = [model.name for model in models]
    (measured,) = measure([(0, {}, trials)], range(len(trials)), goal, names)
    return measured


def compare(before: Judged, after: Judged, cut: int, half: int | None) -> tuple[float, float]:
    """Δ and its standard error, percent."""
    kept = slice(None) if half is None else in_half(before, cut) == half
    groups = None if before.groups is None else before.groups[kept]
    return paired_delta(before.losses[kept], after.losses[kept], groups)


def in_half(judged: Judged, cut: int) -> NDArray[np.int64]:
    """`[n]` 0 or 1: the half of each row's cluster, by the number of the cut."""
    groups = np.arange(len(judged.losses)) if judged.groups is None else judged.groups
    clusters, places = np.unique(groups, return_inverse=True)
    return np.random.default_rng(cut).integers(2, size=len(clusters))[places]


def differences(first: Replication, second: Replication) -> Differences:
    """Of two measurements of one technique."""
    pairs = [(first.deltas[name], second.deltas[name]) for name in first.deltas]
    return Differences(
        [over_error(a.value, a.sem, b.value, b.sem) for a, b in pairs],
        [over_error(first.mean, first.mean_sem, second.mean, second.mean_sem)],
    )


def over_error(*figures: float | None) -> float:
    """Difference of two values over its standard error; NaN where something is unknown."""
    first, of_first, second, of_second = (
        np.nan if figure is None else figure for figure in figures
    )
    return float((first - second) / np.hypot(of_first, of_second))


def join(parts: Iterator[Differences]) -> Differences:
    """All of them."""
    kept = list(parts)
    return Differences(
        [value for part in kept for value in part.models],
        [value for part in kept for value in part.means],
    )


def covered(values: Sequence[float]) -> float:
    """Share within the 95% interval."""
    return round(float(np.mean(np.abs(values) <= NORMAL)), 4)


if __name__ == "__main__":
    run(main, Config)
