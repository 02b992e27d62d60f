"""All models' deltas as one Gaussian process, for trials that left models out.

The covariance of model i's delta at θ and model j's at θ' is Σ_ij · k(θ, θ'): coregionalisation
(Bonilla et al. 2008). With all models in all trials that is what independent directions give, at
a fraction of the price. Where some are missing, a direction is known less well by itself than what
was measured says of all of them together: a model that regressed at a θ would be as uncertain
there as one that was not evaluated, and the same θ would be tried again.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import gpytorch
import torch
from botorch.models import MultiTaskGP, SingleTaskGP
from gpytorch.kernels import IndexKernel, ProductKernel
from gpytorch.means import ZeroMean
from torch import Tensor

from smt.search.surrogate.correlation import Correlation

# Share of a model's variance that no other model tells of: Σ is fitted to few trials, and what
# one process over all deltas would make of all of it is too much.
OWN = 0.3
# Of Σ's mean variance, as Σ must be positive.
LEAST_VARIANCE = 1e-6
# Of the mean variance of what was measured.
TELLS_NOTHING = 1e8
# Of matrices: larger ones GPyTorch would approximate.
LARGEST_CHOLESKY = 20_000


def join(
    rotated: SingleTaskGP,
    points: Tensor,
    deltas: Tensor,
    variances: Tensor,
    correlation: Correlation,
) -> MultiTaskGP:
    """One process of the deltas above the correlation's centre.

    Its kernel is the directions' as fitted, and its Σ theirs but for what is each model's alone.
    To fit them again predicted worse.

    Args:
        rotated: Fitted to the directions, which share a kernel up to its scale.
        points: `[n, d]`.
        deltas: `[n, m]`, NaN where not evaluated.
        variances: `[n, m]` of their noise.
    """
    deltas, variances = _naming_all(deltas - correlation.centre, variances)
    trial, model = deltas.isfinite().nonzero(as_tuple=True)
    tasks = model.to(points).unsqueeze(1)
    # Both draw the Σ that they begin with.
    with torch.random.fork_rng():
        joined = MultiTaskGP(
            torch.cat([points[trial], tasks], 1),
            deltas[trial, model].unsqueeze(1),
            task_feature=-1,
            train_Yvar=variances[trial, model].unsqueeze(1),
            mean_module=ZeroMean(),
            all_tasks=list(range(deltas.shape[1])),
            outcome_transform=None,
            input_transform=getattr(rotated, "input_transform", None),
        )
        joined.covar_module = _kernel(rotated, correlation.directions)
    return joined


def _naming_all(deltas: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """With a measurement that tells nothing of each model that was never evaluated.

    A task without data is the mean of the others to `MultiTaskGP`, whatever its covariance.
    """
    unseen = deltas.isnan().all(0)
    nothing = TELLS_NOTHING * variances[deltas.isfinite()].mean()
    deltas, variances = deltas.clone(), variances.clone()
    deltas[0, unseen] = 0.0
    variances[0, unseen] = nothing
    return deltas, variances


@contextmanager
def exactly() -> Iterator[None]:
    """Predictions by inverse matrices that are made once, however many deltas there are."""
    with (
        gpytorch.settings.fast_pred_var(),
        gpytorch.settings.max_cholesky_size(LARGEST_CHOLESKY),
    ):
        yield


def _kernel(rotated: SingleTaskGP, directions: Tensor) -> ProductKernel:
    """The directions' kernel times Σ, of which `OWN` is each model's alone."""
    fitted = deepcopy(rotated.covar_module)
    models, count = directions.shape
    factors = directions * fitted.outputscale.detach().reshape(-1).sqrt()
    variances = factors.square().sum(1)
    covariance = IndexKernel(
        num_tasks=models, rank=count, active_dims=[rotated.train_inputs[0].shape[-1]]
    )
    covariance.covar_factor.data = factors * math.sqrt(1 - OWN)
    covariance.var = OWN * variances + LEAST_VARIANCE * variances.mean()
    return ProductKernel(fitted.base_kernel, covariance).requires_grad_(False)
