"""Points of a hyperparameter space as rows of numbers, a column a hyperparameter.

A `Float` or `Int` is scaled to [0, 1], its logarithm where its domain is logarithmic. A `Choice`
is the number of its value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import qmc
from torch import Tensor

from smt.template.space import Choice, Domain, Float, Int, Space, Theta

# An int of more values than this is searched as a real number and rounded.
MOST_STEPS = 64


@dataclass(frozen=True)
class Encoding:
    """A space and its columns.

    Attributes:
        space: All hyperparameters; those with a single value are no columns.
    """

    space: Space

    @property
    def columns(self) -> dict[str, Domain]:
        """Name -> domain of what can vary, in the space's order."""
        return {name: domain for name, domain in self.space.items() if name not in self.fixed}

    @property
    def fixed(self) -> Theta:
        """What cannot vary."""
        return {
            name: domain.values[0]
            for name, domain in self.space.items()
            if isinstance(domain, Choice) and len(domain.values) == 1
        }

    @property
    def bounds(self) -> Tensor:
        """`[2, d]` least and largest values."""
        highs = [
            len(domain.values) - 1 if isinstance(domain, Choice) else 1
            for domain in self.columns.values()
        ]
        return torch.tensor([[0.0] * len(highs), highs], dtype=torch.double)

    @property
    def choices(self) -> dict[int, list[float]]:
        """Column -> its values, of the columns in no order."""
        return {
            column: [float(number) for number in range(len(domain.values))]
            for column, domain in enumerate(self.columns.values())
            if isinstance(domain, Choice)
        }

    @property
    def steps(self) -> dict[int, list[float]]:
        """Column -> its values in [0, 1], of the ints that have few."""
        return {
            column: [_scale(value, domain) for value in range(domain.low, domain.high + 1)]
            for column, domain in enumerate(self.columns.values())
            if isinstance(domain, Int) and domain.high - domain.low < MOST_STEPS
        }

    def count_points(self) -> float:
        """How many points the space has."""
        counts = []
        for domain in self.columns.values():
            if isinstance(domain, Choice):
                counts.append(float(len(domain.values)))
            else:
                counts.append(domain.high - domain.low + 1 if isinstance(domain, Int) else math.inf)
        return math.prod(counts)

    def encode(self, thetas: Sequence[Mapping[str, object]]) -> Tensor:
        """N points -> `[n, d]` doubles."""
        rows = [
            [_encode(theta[name], domain) for name, domain in self.columns.items()]
            for theta in thetas
        ]
        return torch.tensor(rows, dtype=torch.double).reshape(len(rows), len(self.columns))

    def decode(self, row: Tensor) -> Theta:
        """`[d]` -> the nearest point of the space."""
        numbers = zip(self.columns.items(), row.tolist(), strict=True)
        return {**self.fixed, **{name: _decode(each, domain) for (name, domain), each in numbers}}

    def sobol(self, count: int, seed: int) -> list[Theta]:
        """The first `count` points of a scrambled Sobol sequence, ints and choices in equal shares.

        A longer sequence of the same seed begins with a shorter one.
        """
        sequence = qmc.Sobol(len(self.columns), rng=np.random.default_rng(seed))
        # In powers of two, as Sobol's balance wants; the rest is not used.
        uniform = sequence.random_base2(max(count - 1, 1).bit_length())[:count]
        return [self._spread(row) for row in uniform]

    def _spread(self, uniform: np.ndarray) -> Theta:
        draws = zip(self.columns.items(), uniform.tolist(), strict=True)
        return {**self.fixed, **{name: _spread(each, domain) for (name, domain), each in draws}}


def _encode(value: Any, domain: Domain) -> float:
    if isinstance(domain, Choice):
        return float(domain.values.index(value))
    return _scale(value, domain)


def _decode(number: float, domain: Domain) -> object:
    if isinstance(domain, Choice):
        return domain.values[min(max(round(number), 0), len(domain.values) - 1)]
    value = _unscale(number, domain)
    value = min(max(value, float(domain.low)), float(domain.high))
    return round(value) if isinstance(domain, Int) else value


def _spread(uniform: float, domain: Domain) -> object:
    """A draw from [0, 1) -> a value; every whole number of a linear domain alike."""
    if isinstance(domain, Choice):
        return domain.values[int(uniform * len(domain.values))]
    if isinstance(domain, Int) and not domain.log:
        return domain.low + int(uniform * (domain.high - domain.low + 1))
    return _decode(uniform, domain)


def _scale(value: float, domain: Float | Int) -> float:
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _unscale(number: float, domain: Float | Int) -> float:
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        return float(low * (high / low) ** number)
    return low + number * (high - low)
