"""Simulated fleets to search: 20 models whose deltas are known exactly and cost nothing.

A model's delta at θ, in percent, is

  shift + scale x (what all models share + what its group shares + a little of its own)

where each part is a random smooth function of the scaled hyperparameters with standard
deviation 1 over the space. The shift makes a share of the space infeasible, the scale gives
the best A its size. An even fleet is feasible where μ is largest. In an odd one what helps
most models hurts a few, and μ is largest where too many regress.

Prints a table of the benchmark's fleets, 0 to 11; further numbers are others of their family.
"""

import json
import math
import os
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng
from rich.box import SIMPLE_HEAD
from rich.table import Table
from search_points import (
    Array,
    Responses,
    climb,
    columns_of,
    decode,
    draw_responses,
    draw_space,
    encode,
    sample,
)

from smt.command_line import open_console, run
from smt.space import Space, Theta
from smt.spec import digest

MODELS = 20
ALPHA = 0.05
EPSILON = 0.1
# What counts as near the best A, and which share of the space may: less is a needle.
NEAR = 0.9
LEAST_NEAR, MOST_NEAR = 0.0005, 0.02
# Where the constraint has a price, the best μ is this many times the best A.
LEAST_PRICE = 1.1
LOG2_SAMPLE = 13


@dataclass(frozen=True)
class Config:
    """Which fleets are shown.

    Attributes:
        first: Number of the first.
        fleets: How many.
        out: Folder that keeps the optima.
    """

    first: int = 0
    fleets: int = 12
    out: str = "runs/search"


@dataclass(frozen=True, eq=False)
class SimulatedFleet:
    """m models and what a technique does to each, at any θ.

    Attributes:
        relevant: Hyperparameters on which deltas depend.
        weights: [m], summing to 1.
        noise: [m] standard deviations of a measured delta, percent.
        heavy_tailed: Whether noise is Student's t of 3 degrees of freedom; else it is normal.
        mixing: [m, S], what each model takes from each response, percent.
        shift: [m], percent.
    """

    number: int
    space: Space
    relevant: tuple[str, ...]
    weights: Array
    noise: Array
    heavy_tailed: bool
    responses: Responses
    mixing: Array
    shift: Array

    @property
    def name(self) -> str:
        """Names the fleet in files: one that responds otherwise has another name."""
        return f"{self.number:02}-{digest(self.shift.tolist())[:4]}"

    @property
    def models(self) -> tuple[int, ...]:
        """The models, by number."""
        return tuple(range(MODELS))

    def deltas_at(self, points: Array) -> Array:
        """True deltas [n, m] at points [n, d], percent."""
        return self.shift + self.responses(columns_of(points, self.space)) @ self.mixing.T

    def means_at(self, points: Array) -> Array:
        """True μ [n] at points [n, d], percent."""
        return self.deltas_at(points) @ self.weights

    def values_at(self, points: Array) -> Array:
        """True A [n] at points [n, d], percent; -inf where too many models regress."""
        deltas = self.deltas_at(points)
        rates = (deltas < -ALPHA).sum(1) / MODELS
        return np.where(rates <= EPSILON, deltas @ self.weights, -math.inf)

    def deltas(self, theta: Theta) -> Array:
        """True deltas [m] at θ, percent."""
        deltas: Array = self.deltas_at(encode(theta, self.space)[None])[0]
        return deltas

    def value(self, theta: Theta) -> float:
        """True A at θ, percent."""
        return float(self.values_at(encode(theta, self.space)[None])[0])

    def evaluate(self, theta: Theta, model: int, seed: int) -> tuple[float, float]:
        """A measured delta and its standard error, percent; the same whenever asked for."""
        point = encode(theta, self.space).tolist()
        draw = default_rng(int(digest([self.number, seed, model, point]), 16))
        error = draw.standard_t(3) / math.sqrt(3) if self.heavy_tailed else draw.normal()
        sem = float(self.noise[model])
        return float(self.deltas(theta)[model] + sem * error), sem


@cache
def make_fleet(number: int) -> SimulatedFleet:
    """The fleet of a number: the first draw whose best is neither a needle nor everywhere."""
    for attempt in count():
        fleet = draw_fleet(number, default_rng(int(digest(["fleet", number, attempt]), 16)))
        points = sample(fleet.space, LOG2_SAMPLE)
        means, values = fleet.means_at(points), fleet.values_at(points)
        near = float(np.mean(values >= NEAR * values.max()))
        if number % 2:
            right = means.max() >= LEAST_PRICE * values.max()
        else:
            right = bool(np.isfinite(values[np.argsort(means)[-8:]]).all())
        if right and LEAST_NEAR <= near <= MOST_NEAR:
            return fleet
    raise AssertionError


def draw_fleet(number: int, rng: Generator) -> SimulatedFleet:
    """A random fleet; its number decides its size, infeasible share, weights and tails."""
    space = draw_space(2 + number % 7, rng)
    irrelevant = set(rng.permutation([*space])[: rng.integers(0, 1 + len(space) // 2)].tolist())
    groups = int(rng.integers(2, 5))
    responses = draw_responses(1 + groups + MODELS, space, irrelevant, rng)
    sampled = responses(columns_of(sample(space, LOG2_SAMPLE), space))
    mixing = draw_mixing(groups, bool(number % 2), rng) / sampled.std(0)
    # Every other four fleets have models of unequal traffic.
    weights = rng.permutation(np.arange(1, MODELS + 1.0) ** (-0.6 * (number // 4 % 2)))
    weights /= weights.sum()
    # Steps of the golden ratio spread the shares of any run of numbers evenly.
    infeasible = 0.5 + 0.45 * ((number * (math.sqrt(5) - 1) / 2 + 0.3) % 1)
    best = rng.uniform(0.15, 0.6)
    scale, shift = calibrate((sampled - sampled.mean(0)) @ mixing.T, weights, infeasible, best)
    noise = rng.uniform(0.02, 0.05, MODELS)
    noise[rng.permutation(MODELS)[: rng.integers(0, 4)]] *= 2
    return SimulatedFleet(
        number=number,
        space=space,
        relevant=tuple(name for name in space if name not in irrelevant),
        weights=weights,
        noise=noise,
        heavy_tailed=bool(number // 2 % 2),
        responses=responses,
        mixing=scale * mixing,
        shift=shift - scale * mixing @ sampled.mean(0),
    )


def draw_mixing(groups: int, contrary: bool, rng: Generator) -> Array:
    """What m models take from the shared response, from each group's and from each own: [m, S]."""
    group = rng.choice(groups, MODELS, p=rng.dirichlet([4.0] * groups))
    shared = np.ones((MODELS, 1))
    if contrary:
        shared[rng.permutation(MODELS)[: rng.integers(4, 7)]] = rng.uniform(-1.2, -0.6)
    grouped = rng.uniform(0.4, 1.2) * np.eye(groups)[group]
    return np.hstack([shared, grouped, rng.uniform(0.15, 0.35) * np.eye(MODELS)])


def calibrate(deltas: Array, weights: Array, infeasible: float, best: float) -> tuple[float, float]:
    """Scale and shift of deltas [n, m] with which a share of points is infeasible, A* is `best`."""
    # A point is infeasible where this model of it regresses: ε·m others may, before.
    decisive = np.partition(deltas, int(EPSILON * MODELS), axis=1)[:, int(EPSILON * MODELS)]
    threshold = float(np.quantile(decisive, infeasible))
    reach = float((deltas @ weights)[decisive >= threshold].max()) - threshold
    scale = (best + ALPHA) / reach
    return scale, -ALPHA - scale * threshold


def optimum(fleet: SimulatedFleet, out: str) -> tuple[Theta, float]:
    """The best θ and its true A, percent; kept in the folder `out`."""
    path = Path(out) / f"optimum-{fleet.name}.json"
    if not path.exists():
        theta = decode(climb(fleet.values_at, fleet.space), fleet.space)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps([theta, fleet.value(theta)]))
        partial.rename(path)
    theta, value = json.loads(path.read_text())
    return theta, value


def main(config: Config) -> None:
    """Print the table of the fleets."""
    columns = ("d", "types", "infeasible", "best μ", "feasible", "A*", "near", "noise", "weights")
    table = Table("fleet", title="Simulated fleets", box=SIMPLE_HEAD, padding=0)
    for column in columns:
        table.add_column(column, justify="right")
    for number in range(config.first, config.first + config.fleets):
        table.add_row(*cells(make_fleet(number), config.out))
    open_console().print(table)
    print(
        "d: hyperparameters, of which matter. types: Float, Int, Choice. near: share of the space "
        f"within {NEAR:.0%} of A*. noise: of a delta; t: heavy-tailed. weights: the largest."
    )


def cells(fleet: SimulatedFleet, out: str) -> list[str]:
    """A fleet's row."""
    value = optimum(fleet, out)[1]
    highest = climb(fleet.means_at, fleet.space)[None]
    values = fleet.values_at(sample(fleet.space, LOG2_SAMPLE + 3))
    return [
        f"{fleet.number}",
        f"{len(fleet.space)}, {len(fleet.relevant)}",
        "".join(sorted(type(domain).__name__[0] for domain in fleet.space.values())),
        f"{100 * np.isneginf(values).mean():.1f}",
        f"{fleet.means_at(highest)[0]:.3f}",
        "yes" if np.isfinite(fleet.values_at(highest)[0]) else "no",
        f"{value:.3f}",
        f"{100 * np.mean(values >= NEAR * value):.2f}",
        f"{'t ' if fleet.heavy_tailed else ''}{fleet.noise.min():.2f} {fleet.noise.max():.2f}",
        f"{100 * fleet.weights.max():.0f}",
    ]


if __name__ == "__main__":
    run(main, Config)
