"""Points of a space as numbers, random smooth functions of them, and where one is largest.

A point is θ as d numbers: a number's place in its range in [0, 1], on its own scale, and a
choice's index.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy.stats import qmc

from smt.space import Choice, Domain, Float, Int, Space, Theta

Array = NDArray[np.float64]

WAVES = 6
# The largest value: the best of a dense sample each try random steps, shorter by the
# round, and now and then a coordinate anew.
LOG2_DENSE, STARTS, ROUNDS, STEPS = 15, 64, 40, 64


@dataclass(frozen=True, eq=False)
class Responses:
    """S smooth functions of a point: quadratics and waves over its D columns.

    Attributes:
        centre: [S, D].
        curvature: [S, D], 0 where a hyperparameter is irrelevant.
        frequency: [S, WAVES, D], radians, 0 where a hyperparameter is irrelevant.
        phase: [S, WAVES].
        amplitude: [S, WAVES].
    """

    centre: Array
    curvature: Array
    frequency: Array
    phase: Array
    amplitude: Array

    def __call__(self, columns: Array) -> Array:
        """Values [n, S] at columns [n, D]."""
        values = np.empty((len(columns), len(self.centre)))
        for index, amplitude in enumerate(self.amplitude):
            waves = np.cos(columns @ self.frequency[index].T + self.phase[index])
            away = (columns - self.centre[index]) ** 2
            values[:, index] = waves @ amplitude - away @ self.curvature[index]
        return values


def draw_space(size: int, rng: Generator) -> Space:
    """`size` hyperparameters of mixed types, the first a real number."""
    kinds: tuple[Domain, ...] = (
        Float(0.0, 1.0),
        Float(1e-4, 1e-1, log=True),
        Int(1, 12),
        Int(4, 256, log=True),
        Choice((True, False)),
        Choice(("mean", "max", "attention")),
    )
    drawn = [rng.integers(2), *rng.integers(len(kinds), size=size - 1)]
    return {f"x{index}": kinds[kind] for index, kind in enumerate(drawn)}


def draw_responses(size: int, space: Space, irrelevant: set[str], rng: Generator) -> Responses:
    """`size` random responses; a hyperparameter matters about as much to all, or to none."""
    importance = np.concatenate(
        [
            np.repeat(0.0 if name in irrelevant else rng.uniform(0.4, 1.0), width(domain))
            for name, domain in space.items()
        ]
    )
    shape = (size, len(importance))
    speed = rng.uniform(3, 7) / math.sqrt(np.count_nonzero(importance))
    return Responses(
        centre=rng.uniform(0.15, 0.85, shape),
        curvature=importance * rng.uniform(0.5, 2.0, shape),
        frequency=importance * rng.normal(0, speed, (size, WAVES, len(importance))),
        phase=rng.uniform(0, 2 * math.pi, (size, WAVES)),
        amplitude=rng.normal(0, 0.15, (size, WAVES)),
    )


def climb(objective: Callable[[Array], Array], space: Space) -> Array:
    """The point [d] where an objective, from points [n, d] to values [n], is largest."""
    rng = default_rng(0)
    unit = qmc.Sobol(len(space), seed=1).random_base2(LOG2_DENSE)
    values = objective(snap(unit, space))
    best = np.argsort(values)[-STARTS:]
    unit, values = unit[best], values[best]
    for length in np.geomspace(0.1, 1e-5, ROUNDS):
        tried = np.repeat(unit, STEPS, axis=0)
        tried += length * rng.normal(size=tried.shape) * (rng.random(tried.shape) < 0.5)
        anew = rng.random(tried.shape) < 0.03
        tried = np.where(anew, rng.random(tried.shape), tried.clip(0, 1))
        reached = objective(snap(tried, space)).reshape(STARTS, STEPS)
        better = np.flatnonzero(reached.max(1) > values)
        unit[better] = tried.reshape(STARTS, STEPS, -1)[better, reached.argmax(1)[better]]
        values[better] = reached.max(1)[better]
    highest: Array = snap(unit, space)[values.argmax()]
    return highest


def sample(space: Space, log2: int) -> Array:
    """2**log2 quasi-random points [n, d]."""
    return snap(qmc.Sobol(len(space), seed=0).random_base2(log2), space)


def snap(unit: Array, space: Space) -> Array:
    """Points [n, d] from places [n, d] in the unit cube, of which every value has a share."""
    points = unit.copy()
    for index, domain in enumerate(space.values()):
        if isinstance(domain, Choice):
            points[:, index] = np.minimum(unit[:, index] * width(domain), width(domain) - 1) // 1
        elif isinstance(domain, Int):
            points[:, index] = place_of(np.round(value_at(unit[:, index], domain)), domain)
    return points


def encode(theta: Theta, space: Space) -> Array:
    """θ as a point [d]."""
    return np.array(
        [
            domain.values.index(theta[name])
            if isinstance(domain, Choice)
            else place_of(theta[name], domain)
            for name, domain in space.items()
        ],
        dtype=np.float64,
    )


def decode(point: Array, space: Space) -> Theta:
    """The θ of a point [d]."""
    theta: Theta = {}
    for place, (name, domain) in zip(point.tolist(), space.items(), strict=True):
        if isinstance(domain, Choice):
            theta[name] = domain.values[int(place)]
        else:
            value = float(value_at(place, domain))
            theta[name] = round(value) if isinstance(domain, Int) else value
    return theta


def place_of(value: Any, domain: Float | Int) -> Any:
    """Places in [0, 1] of values of a range."""
    if domain.log:
        return np.log(value / domain.low) / math.log(domain.high / domain.low)
    return (value - domain.low) / (domain.high - domain.low)


def value_at(place: Any, domain: Float | Int) -> Any:
    """Values of a range at places in [0, 1]."""
    if domain.log:
        return domain.low * (domain.high / domain.low) ** place
    return domain.low + place * (domain.high - domain.low)


def columns_of(points: Array, space: Space) -> Array:
    """Points [n, d] as columns [n, D]: numbers as they are, choices as one-hot."""
    return np.hstack(
        [
            np.eye(width(domain))[places.astype(int)]
            if isinstance(domain, Choice)
            else places[:, None]
            for domain, places in zip(space.values(), points.T, strict=True)
        ]
    )


def width(domain: Domain) -> int:
    """Columns that a hyperparameter takes: one a value of a choice, else one."""
    return len(domain.values) if isinstance(domain, Choice) else 1
