"""Which template every model should have where the whole fleet may cost no more than so much.

A multiple-choice knapsack: of each model i one option j, of gain g_ij (Δ against what it runs
today, percent) and cost c_ij (FLOPs an example), with traffic shares w_i:

    max Σ w_i g_ij x_ij   such that   Σ w_i c_ij x_ij ≤ budget,   Σ_j x_ij = 1,   x_ij ∈ {0, 1}

and, where it is asked for, all their bytes together are within a budget too.

It is solved exactly by HiGHS (`scipy.optimize.milp`). The relaxation x_ij ∈ [0, 1] has a dual value
of the budget, its shadow price: what one more FLOP an example is worth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from smt.errors import InputError
from smt.search.aggregate import mean_sem, normalise_weights

Array = np.ndarray
# Of the objective, that HiGHS may leave: far below what any Δ tells.
GAP = 1e-9


@dataclass(frozen=True)
class Option:
    """A template that a model may have.

    Attributes:
        gain, sem: Δ against today and its standard error, percent; 0 of today's template.
        flops: Of one example.
        bytes: That serving takes.
    """

    template: str
    gain: float
    sem: float
    flops: float
    bytes: float = 0.0


@dataclass(frozen=True)
class Choosing:
    """A model and its options, of which the first is what it runs today.

    Attributes:
        weight: Its traffic, on any scale.
    """

    model: str
    weight: float
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Chosen:
    """One option a model, in the models' order, and what they come to.

    Attributes:
        gain, sem: Mean Δ by traffic and its standard error, percent; models' errors count as
            independent.
        flops: Mean by traffic.
    """

    options: tuple[Option, ...]
    gain: float
    sem: float
    flops: float


class Knapsack:
    """The programme of a fleet; solved for one budget after the other."""

    def __init__(self, models: Sequence[Choosing]) -> None:
        """Raise `InputError` where no model has traffic."""
        if not any(model.weight for model in models):
            raise InputError("no model that has a choice has traffic")
        self._models = models
        self._shares = normalise_weights([model.weight for model in models], len(models))
        pairs = [(row, option) for row, model in enumerate(models) for option in model.options]
        self._rows = np.array([row for row, _ in pairs])
        # Place of every model's first option.
        self._first: Array = np.searchsorted(self._rows, np.arange(len(models)))
        shares = np.array(self._shares)[self._rows]
        self._gains = shares * np.array([option.gain for _, option in pairs])
        self._costs = shares * np.array([option.flops for _, option in pairs])
        self._bytes = np.array([option.bytes for _, option in pairs])
        self._one_each = csr_array(
            (np.ones(len(pairs)), (self._rows, np.arange(len(pairs)))),
            shape=(len(models), len(pairs)),
        )

    @property
    def today(self) -> float:
        """FLOPs an example that the fleet takes today, mean by traffic."""
        return float(self._costs[self._first].sum())

    @property
    def costs(self) -> tuple[float, float]:
        """The least that the fleet can take, and the most."""
        least = np.minimum.reduceat(self._costs, self._first)
        most = np.maximum.reduceat(self._costs, self._first)
        return float(least.sum()), float(most.sum())

    def solve(self, budget: float, most_bytes: float = math.inf) -> Chosen:
        """The choice of the largest gain within a budget of FLOPs an example, mean by traffic.

        Args:
            most_bytes: Of all models together.

        Raises:
            InputError: Even the cheapest options take more.
        """
        least = self.costs[0]
        if self._ceiling(budget) < least:
            raise InputError(
                f"a budget of {budget:,.0f} FLOPs an example is below {least:,.0f}, which the "
                "cheapest templates take"
            )
        solved = milp(
            -self._gains,
            integrality=np.ones(len(self._gains)),
            bounds=Bounds(0, 1),
            constraints=[
                LinearConstraint(self._costs[None], ub=self._ceiling(budget)),
                LinearConstraint(self._bytes[None], ub=self._ceiling(most_bytes)),
                LinearConstraint(self._one_each, lb=1, ub=1),
            ],
            options={"mip_rel_gap": GAP},
        )
        if solved.x is None:
            raise InputError(
                f"HiGHS finds no choice within {budget:,.0f} FLOPs an example and "
                f"{most_bytes:,.0f} bytes: {solved.message}"
            )
        picked = np.flatnonzero(solved.x > 0.5)
        options = tuple(
            model.options[place]
            for model, place in zip(self._models, picked - self._first, strict=True)
        )
        return Chosen(
            options=options,
            gain=float(self._gains[picked].sum()),
            sem=mean_sem([option.sem for option in options], self._shares) or 0.0,
            flops=float(self._costs[picked].sum()),
        )

    def shadow_price(self, budget: float) -> float:
        """Percent of Δ that a FLOP an example more would bring, by the relaxed programme."""
        solved = linprog(
            -self._gains,
            A_ub=self._costs[None],
            b_ub=[self._ceiling(budget)],
            A_eq=self._one_each,
            b_eq=np.ones(len(self._models)),
            bounds=(0, 1),
            method="highs",
        )
        return -float(solved.ineqlin.marginals[0])

    def _ceiling(self, budget: float) -> float:
        # Today's own cost, summed in another order, is within today's budget.
        return budget * (1 + 1e-12)
