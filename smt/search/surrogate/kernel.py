"""How alike a model's deltas are at two θ: the kernel of the surrogate, and its priors."""

import math

import torch
from botorch.models.kernels.categorical import CategoricalKernel
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ScaleKernel
from gpytorch.priors import LogNormalPrior

from smt.search.encoding import Encoding

# Of the logarithm of a direction's variance. Its own scale makes that 1, far too much for one of
# noise: where trials are few, the scale is mostly the prior's of Σ.
SCALE_SPREAD = 0.75
LEAST_SCALE = 1e-4
# Of the logarithm of a choice's length scale: at 1, θ whose choices all differ correlate by 1/e.
CHOICE_SPREAD = 1.0
LEAST_CHOICE_SCALE = 1e-2
# How many directions' worth the prior of the length scales counts.
PRIOR_DIRECTIONS = 5.0


def make_kernel(
    encoding: Encoding, dimensions: int, batch: torch.Size, *, shared: bool
) -> ScaleKernel:
    """Numbers by their distance, times choices by which of them differ.

    BoTorch's own kernel for choices has no priors: of few trials it made intervals of 95% that
    held half of the deltas.
    """
    choices = [*encoding.choices]
    numbers = [place for place in range(dimensions) if place not in encoding.choices]
    shape = torch.Size() if shared else batch
    factors: list[Kernel] = []
    if numbers:
        factors.append(
            get_covar_module_with_dim_scaled_prior(
                len(numbers), batch_shape=shape, active_dims=numbers
            )
        )
    if choices:
        factors.append(
            CategoricalKernel(
                ard_num_dims=len(choices),
                active_dims=choices,
                batch_shape=shape,
                lengthscale_prior=LogNormalPrior(0.0, CHOICE_SPREAD),
                lengthscale_constraint=GreaterThan(LEAST_CHOICE_SCALE),
            )
        )
    if shared:
        for factor in factors:
            prior = shared_prior(factor.lengthscale_prior, batch.numel())
            factor.register_prior("lengthscale_prior", prior, "lengthscale")
    kernel = ScaleKernel(
        math.prod(factors[1:], start=factors[0]),
        batch_shape=batch,
        outputscale_prior=LogNormalPrior(0.0, SCALE_SPREAD),
        # The prior has no density at 0, where a long step of the fit may land.
        outputscale_constraint=GreaterThan(LEAST_SCALE),
    )
    kernel.outputscale = torch.ones(batch, dtype=torch.double)
    return kernel


def shared_prior(prior: LogNormalPrior, directions: int) -> LogNormalPrior:
    """The prior of what all directions share, of which GPyTorch counts one a direction.

    Proportional to the given one's density to the power of `PRIOR_DIRECTIONS` over their number:
    a log-normal one again. Where there are fewer, to the power of 1.
    """
    power = min(PRIOR_DIRECTIONS / directions, 1.0)
    variance = float(prior.scale) ** 2 / power
    return LogNormalPrior(float(prior.loc) + (1 - power) * variance, math.sqrt(variance))
