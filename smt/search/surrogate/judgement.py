"""What draws of all deltas say of a θ: its μ, and how likely few enough models regress."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from smt.search.goal import Goal
from smt.search.regressed import count_regressions
from smt.search.trial import Trial

DRAWS = 512


def feasibility(deltas: Tensor, goal: Goal) -> Tensor:
    """`[draws, n, m]` -> `[n]` P(R <= ε)."""
    return few_regress(deltas, goal).double().mean(0)


def values_of(deltas: Tensor, goal: Goal) -> Tensor:
    """`[..., m]` deltas -> `[...]` A."""
    return torch.where(few_regress(deltas, goal), deltas @ shares_of(goal), -torch.inf)


def few_regress(deltas: Tensor, goal: Goal) -> Tensor:
    """`[..., m]` deltas -> `[...]` whether R <= ε."""
    return count_regressions(deltas, goal.alpha) <= goal.allowed


def shares_of(goal: Goal) -> Tensor:
    """`[m]` the models' weights."""
    return torch.tensor(goal.shares, dtype=torch.double)


def with_common_error(deltas: Tensor, trials: Sequence[Trial], scatter: float, seed: int) -> Tensor:
    """`[draws, n, m]` deltas as these rows measure them -> as they may truly be.

    Beside what scatters, θ near each other share the errors of n trials' own measurements, and no
    number of them averages those away.
    """
    errors = [[0.0 if sem is None else sem for sem in trial.sems] for trial in trials]
    sems = torch.tensor(errors, dtype=torch.double).nan_to_num(0.0, posinf=0.0)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(deltas.shape, dtype=torch.double, generator=generator)
    return deltas + math.sqrt(1 - scatter) * sems * noise
