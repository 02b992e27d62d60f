"""Points of a hyperparameter space as rows of numbers, a column a hyperparameter.

A `Float` or `Int` is scaled to [0, 1], its logarithm where its domain is logarithmic. A `Choice`
is the number of its value. Where a hyperparameter is not active, its column has a fixed value: the
middle of its range, or the first choice.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from smt.space import Choice, Domain, Float, Int, Space, Theta, Value, drop_inactive, is_active

# What makes tensors and sequences loads torch and SciPy itself: whoever imports a search need not.
if TYPE_CHECKING:
    from torch import Tensor

# An int of more values than this is searched as a real number and rounded.
MOST_STEPS = 64
# Of a scaled domain.
INACTIVE = 0.5


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
    def bounds(self) -> "Tensor":
        """`[2, d]` least and largest values."""
        import torch

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
            column: [scale(value, domain) for value in range(domain.low, domain.high + 1)]
            for column, domain in enumerate(self.columns.values())
            if isinstance(domain, Int) and domain.high - domain.low < MOST_STEPS
        }

    @cached_property
    def inactive(self) -> "Tensor":
        """`[d]` what a column has where its hyperparameter is not active."""
        import torch

        values = [
            0.0 if isinstance(domain, Choice) else INACTIVE for domain in self.columns.values()
        ]
        return torch.tensor(values, dtype=torch.double)

    @cached_property
    def conditions(self) -> dict[int, list[tuple[int, list[float]]]]:
        """Column -> (column, values) of all choices that must have one of these values.

        Those that choices depend on themselves are among them. A choice of one value is no column.
        """
        columns = self.columns
        places = {name: place for place, name in enumerate(columns)}
        by_column = {
            places[name]: [
                (places[parent], [_encode(value, columns[parent]) for value in values])
                for parent, values in self._ancestry(name)
                if parent in places
            ]
            for name in columns
        }
        return {place: conditions for place, conditions in by_column.items() if conditions}

    def count_points(self) -> float:
        """How many points the space has."""
        deciding = {parent for domain in self.space.values() for parent in domain.when or {}}
        choices = [
            [(name, value) for value in domain.values]
            for name, domain in self.space.items()
            if name in deciding and isinstance(domain, Choice)
        ]
        picked = (drop_inactive(dict(values), self.space) for values in product(*choices))
        return sum(
            math.prod(
                _count_values(domain)
                for name, domain in self.space.items()
                if name not in deciding and is_active(domain, dict(branch))
            )
            for branch in {frozenset(values.items()) for values in picked}
        )

    def encode(self, thetas: Sequence[Mapping[str, object]]) -> "Tensor":
        """N points -> `[n, d]` doubles."""
        import torch

        inactive = self.inactive.tolist()
        rows = [
            [
                _encode(theta[name], domain) if name in theta else middle
                for (name, domain), middle in zip(self.columns.items(), inactive, strict=True)
            ]
            for theta in thetas
        ]
        return torch.tensor(rows, dtype=torch.double).reshape(len(rows), len(self.columns))

    def decode(self, row: "Tensor") -> Theta:
        """`[d]` -> the nearest point of the space."""
        return drop_inactive(self.decode_all(row), self.space)

    def decode_all(self, row: "Tensor") -> Theta:
        """`[d]` -> the nearest value of every hyperparameter, active or not."""
        numbers = zip(self.columns.items(), row.tolist(), strict=True)
        values = {name: _decode(number, domain) for (name, domain), number in numbers}
        return {**self.fixed, **values}

    def settle(self, rows: "Tensor") -> "Tensor":
        """`[..., d]` -> the same points, with inactive columns at their fixed value."""
        import torch

        settled = [*rows.unbind(-1)]
        for column, conditions in self.conditions.items():
            active = torch.stack(
                [
                    torch.isin(rows[..., parent].round(), rows.new_tensor(values))
                    for parent, values in conditions
                ]
            ).all(0)
            settled[column] = torch.where(active, settled[column], self.inactive[column])
        return torch.stack(settled, -1)

    def sobol(self, count: int, seed: int) -> list[Theta]:
        """The first `count` points of a scrambled Sobol sequence, ints and choices in equal shares.

        A longer sequence of the same seed begins with a shorter one.
        """
        import numpy as np
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(self.columns), rng=np.random.default_rng(seed))
        # In powers of two, as Sobol's balance wants; the rest is not used.
        uniform = sequence.random_base2(max(count - 1, 1).bit_length())[:count]
        return [self._spread(point) for point in uniform.tolist()]

    def corners(self) -> Iterator[Theta]:
        """Every point at the ends of all domains, the lowest first; of choices with every value."""
        ends = (
            domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
            for domain in self.columns.values()
        )
        for values in product(*ends):
            at_ends = {**self.fixed, **dict(zip(self.columns, values, strict=True))}
            yield drop_inactive(at_ends, self.space)

    def _spread(self, uniform: Sequence[float]) -> Theta:
        draws = zip(self.columns.items(), uniform, strict=True)
        spread = {name: _spread(draw, domain) for (name, domain), draw in draws}
        return drop_inactive({**self.fixed, **spread}, self.space)

    def _ancestry(self, name: str) -> list[tuple[str, tuple[Value, ...]]]:
        """Conditions of a hyperparameter, and of the choices that they name."""
        own = [*(self.space[name].when or {}).items()]
        return [*own, *(above for parent, _ in own for above in self._ancestry(parent))]


def _count_values(domain: Domain) -> float:
    if isinstance(domain, Choice):
        return len(domain.values)
    return domain.high - domain.low + 1 if isinstance(domain, Int) else math.inf


def _encode(value: Any, domain: Domain) -> float:
    if isinstance(domain, Choice):
        return float(domain.values.index(value))
    return scale(value, domain)


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


def scale(value: float, domain: Float | Int) -> float:
    """A value's place in its domain, 0 to 1; that of its logarithm where the domain has `log`."""
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _unscale(number: float, domain: Float | Int) -> float:
    low, high = float(domain.low), float(domain.high)
    if domain.log:
        return float(low * (high / low) ** number)
    return low + number * (high - low)
