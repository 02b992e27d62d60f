"""Where to try next: expected improvement over samples of all deltas."""

from collections.abc import Callable
from functools import partial

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogExpectedImprovement
from botorch.acquisition.objective import GenericMCObjective
from botorch.acquisition.penalized import PenalizedAcquisitionFunction
from botorch.optim.optimize import optimize_acqf
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.regressed import count_softly, small
from smt.search.surrogate.surrogate import Surrogate
from smt.space import Theta

SAMPLES = 128
RESTARTS = 4
RAW_SAMPLES = 256
# Points near each that was tried, from which some of the search for the maximum begins.
PERTURBED = 4
ITERATIONS = 60
# Of a hyperparameter's range: from a tried θ to where one tells as much again.
APART = 0.1
LEAST_APART = 1e-6
# In models: how softly their number is held below ε·m + ½.
COUNT_SOFTNESS = 0.05
# In α: how softly μ is above another, and the larger of two.
IMPROVEMENT_SOFTNESS, LARGER_SOFTNESS = 2e-5, 0.2


def improvement(
    surrogate: Surrogate,
    goal: Goal,
    *,
    above: float,
    pending: Tensor | None,
    seed: int,
    margins: Tensor | float = 0.0,
) -> AcquisitionFunction:
    """How much more μ a θ promises with R <= ε: expected improvement (Ament et al. 2023).

    Args:
        above: μ of what would be recommended now, 0 where that is nothing.
        pending: `[p, d]` θ under way.
        margins: `[m]`, or of every model: how far above -α a delta must be.
    """
    shares = torch.tensor(goal.shares, dtype=torch.double)

    def mean(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803
        return surrogate.deltas(samples) @ shares

    acquisition = qLogExpectedImprovement(
        surrogate.model,
        best_f=above,
        sampler=SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=seed),
        objective=GenericMCObjective(mean),
        X_pending=pending,
        constraints=[regressions_above(surrogate, goal, margins)],
        eta=COUNT_SOFTNESS,
        # A fat tail would forgive one regression too many for a large μ.
        fat=False,
        tau_relu=IMPROVEMENT_SOFTNESS * small(goal.alpha),
        tau_max=LARGER_SOFTNESS * small(goal.alpha),
    )
    return _beginning_at(acquisition, surrogate.points)


def relief(
    surrogate: Surrogate, goal: Goal, *, below: float, pending: Tensor | None, seed: int
) -> AcquisitionFunction:
    """How much nearer to feasible a θ promises to be, while none is likely to be feasible.

    The probability of being so says little then: all its samples are 0. So does the number of
    regressions where most models fall by far: what is nearer to feasible is told by how far they
    fall (as by the total violation of Eriksson & Poloczek 2021).

    Args:
        below: Shortfall of the nearest θ so far.
        pending: `[p, d]` θ under way.
    """

    def nearness(samples: Tensor, X: Tensor | None = None) -> Tensor:  # noqa: N803
        return -shortfall(surrogate.deltas(samples), goal)

    acquisition = qLogExpectedImprovement(
        surrogate.model,
        best_f=-below,
        sampler=SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=seed),
        objective=GenericMCObjective(nearness),
        X_pending=pending,
    )
    tried = surrogate.points if pending is None else torch.cat([surrogate.points, pending])
    apart = PenalizedAcquisitionFunction(acquisition, partial(closeness, tried), 1.0)
    return _beginning_at(apart, surrogate.points)


def closeness(tried: Tensor, X: Tensor) -> Tensor:  # noqa: N803
    """`[..., 1, d]` -> `[...]`, -log(1 - exp(-s²/2)): large next to a tried θ, 0 far away.

    s is the root mean square distance to the nearest of `[n, d]`, in units of `APART`. The noise of
    rows is nearly the same at θ that are near each other: what was rejected is rejected again a
    step further, however uncertain its deltas are (local penalisation, González et al. 2016).
    """
    squares = ((X - tried) / APART).square().mean(-1).amin(-1)
    return -(-(-0.5 * squares).expm1()).clamp_min(LEAST_APART).log()


def _beginning_at(acquisition: AcquisitionFunction, points: Tensor) -> AcquisitionFunction:
    """The acquisition, to be maximised from near these points, as well as from others.

    Without them BoTorch takes the model's inputs, of which a task is one (0.18.1).
    """
    acquisition.X_baseline = points
    return acquisition


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
    """A constraint on samples of the model: at most 0 where no more regressed than may."""

    def excess(samples: Tensor) -> Tensor:
        deltas = surrogate.deltas(samples)
        return count_softly(deltas, goal.alpha, margins) - (goal.allowed + 0.5)

    return excess


def box_around(theta: Theta, reach: float, encoding: Encoding) -> Tensor:
    """`[2, d]` bounds of the θ no number of which is further than `reach` of its range from one's.

    A whole number of few values may take the next one. Free are choices, no value of which is
    nearer than another, and what is not active at this θ.
    """
    point = encoding.encode([theta])[0].tolist()
    box = encoding.bounds
    for place, name in enumerate(encoding.columns):
        if place in encoding.choices or name not in theta:
            continue
        low, high = max(point[place] - reach, 0.0), min(point[place] + reach, 1.0)
        if place in encoding.steps:
            values = encoding.steps[place]
            number = values.index(point[place])
            neighbours = values[max(number - 1, 0) : number + 2]
            inside = [value for value in values if low <= value <= high or value in neighbours]
            low, high = inside[0], inside[-1]
        box[:, place] = box.new_tensor([low, high])
    return box


def maximise(acquisition: AcquisitionFunction, encoding: Encoding, bounds: Tensor) -> Tensor:
    """`[d]` the point inside `[2, d]` bounds at which the acquisition is largest, as far as found.

    Its starting points are drawn from torch's generator.
    """
    known = acquisition.X_baseline
    acquisition.X_baseline = known[((bounds[0] <= known) & (known <= bounds[1])).all(1)]
    if encoding.choices or encoding.steps:
        low, high = bounds.tolist()
        steps = {
            place: [value for value in values if low[place] <= value <= high[place]]
            for place, values in encoding.steps.items()
        }
        points, _ = optimize_acqf_mixed_alternating(
            acquisition,
            bounds=bounds,
            discrete_dims=steps,
            cat_dims=encoding.choices,
            raw_samples=RAW_SAMPLES,
            num_restarts=RESTARTS,
            options={
                "maxiter_alternating": 8,
                "max_discrete_values": 64,
                "num_spray_points": PERTURBED,
            },
        )
    else:
        points, _ = optimize_acqf(
            acquisition,
            bounds=bounds,
            q=1,
            raw_samples=RAW_SAMPLES,
            num_restarts=RESTARTS,
            options={"maxiter": ITERATIONS},
        )
    point: Tensor = points[0]
    return point
