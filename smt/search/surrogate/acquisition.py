"""Where to try next: constrained expected improvement of μ over samples of all deltas."""

from collections.abc import Callable

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.objective import GenericMCObjective
from botorch.optim.optimize import optimize_acqf
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.regressed import count_softly, small
from smt.search.surrogate.surrogate import Surrogate

SAMPLES = 128
RESTARTS = 4
RAW_SAMPLES = 256
ITERATIONS = 60
# In models: how softly their number is held below ε·m + ½.
COUNT_SOFTNESS = 0.05
# In α: how softly μ is above another, and the larger of two.
IMPROVEMENT_SOFTNESS, LARGER_SOFTNESS = 2e-5, 0.2


class FloorImprovement(qLogNoisyExpectedImprovement):
    """Noisy expected improvement (Ament et al. 2023) over the best so far, and over 0.

    Leaving a template as it is is worth A = 0.
    """

    def compute_best_f(self, obj: Tensor) -> Tensor:
        """`[samples, ...]` best feasible μ of a sample, at least 0."""
        best: Tensor = super().compute_best_f(obj)
        return best.clamp_min(0.0)


def improvement(
    surrogate: Surrogate,
    goal: Goal,
    *,
    pending: Tensor | None,
    feasible_known: bool,
    seed: int,
    margins: Tensor | float = 0.0,
) -> AcquisitionFunction:
    """What a θ promises: more μ where a feasible θ is known, else to be nearer to one.

    While no θ is likely feasible the probability of being so says little: all its samples are 0.
    So does the number of regressions where most models fall by far: what is nearer to feasible
    is told by how far they fall (as by the total violation of Eriksson & Poloczek 2021).

    Args:
        pending: `[p, d]` θ under way.
        margins: `[m]`, or of every model: how far above -α a delta must be, where a θ is to be
            improved on or to improve.
    """
    shares = torch.tensor(goal.shares, dtype=torch.double)

    def relief(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803
        return -shortfall(surrogate.deltas(samples), goal)

    def mean(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803
        return surrogate.deltas(samples) @ shares

    sampler = SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=seed)
    if not feasible_known:
        return qLogNoisyExpectedImprovement(
            surrogate.model,
            X_baseline=surrogate.points,
            sampler=sampler,
            objective=GenericMCObjective(relief),
            X_pending=pending,
            prune_baseline=True,
        )
    return FloorImprovement(
        surrogate.model,
        X_baseline=surrogate.points,
        sampler=sampler,
        objective=GenericMCObjective(mean),
        X_pending=pending,
        constraints=[regressions_above(surrogate, goal, margins)],
        eta=COUNT_SOFTNESS,
        # A fat tail would forgive one regression too many for a large μ.
        fat=False,
        # Points that are never the best only cost time. Pruning draws from torch's generator.
        prune_baseline=True,
        tau_relu=IMPROVEMENT_SOFTNESS * small(goal.alpha),
        tau_max=LARGER_SOFTNESS * small(goal.alpha),
    )


def shortfall(deltas: Tensor, goal: Goal) -> Tensor:
    """`[..., m]` deltas -> `[...]` how far from feasible: 0 where R <= ε.

    Σ log(1 + (-α - Δ)⁺ / α) over the models but those, the furthest below, that may regress.
    """
    short = ((-goal.alpha - deltas) / small(goal.alpha)).clamp_min(0.0).log1p()
    kept = short.topk(len(goal.shares) - goal.allowed, largest=False)
    return kept.values.sum(-1)


def regressions_above(
    surrogate: Surrogate, goal: Goal, margins: Tensor | float
) -> Callable[[Tensor], Tensor]:
    """A constraint on samples of the directions: at most 0 where no more regressed than may."""

    def excess(samples: Tensor) -> Tensor:
        deltas = surrogate.deltas(samples)
        return count_softly(deltas, goal.alpha, margins) - (goal.allowed + 0.5)

    return excess


def maximise(acquisition: AcquisitionFunction, encoding: Encoding) -> Tensor:
    """`[d]` the point of the space at which the acquisition is largest, as far as found.

    Its starting points are drawn from torch's generator.
    """
    if encoding.choices or encoding.steps:
        points, _ = optimize_acqf_mixed_alternating(
            acquisition,
            bounds=encoding.bounds,
            discrete_dims=encoding.steps,
            cat_dims=encoding.choices,
            raw_samples=RAW_SAMPLES,
            num_restarts=RESTARTS,
            options={"maxiter_alternating": 8, "max_discrete_values": 64},
        )
    else:
        points, _ = optimize_acqf(
            acquisition,
            bounds=encoding.bounds,
            q=1,
            raw_samples=RAW_SAMPLES,
            num_restarts=RESTARTS,
            options={"maxiter": ITERATIONS},
        )
    point: Tensor = points[0]
    return point
