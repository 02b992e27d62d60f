"""The surrogate of a search: a distribution over every model's delta at every θ.

Deltas are rotated into independent directions (`smt.search.surrogate.correlation`), and each
direction is a Gaussian process over the space, all fitted as one batch. Models that were not
evaluated in a trial make its directions uncertain; standard errors enter as known noise.

Where they do, the directions share a kernel up to its scale, as in coregionalisation (Bonilla et
al. 2008): most of them say too little of the space for length scales of their own. Where the
noise is learned, a direction that the shared kernel does not suit would be taken for noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.kernels.categorical import CategoricalKernel
from botorch.models.transforms.input import InputTransform
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from botorch.optim.closures import get_loss_closure_with_grads
from botorch.optim.utils import get_parameters
from gpytorch.constraints import GreaterThan
from gpytorch.kernels import Kernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import LogNormalPrior
from torch import Tensor

from smt.search.divergence import bounded
from smt.search.encoding import Encoding
from smt.search.regressed import small
from smt.search.surrogate.correlation import Correlation, fit_correlation
from smt.search.surrogate.tail import Tail, fit_tail
from smt.search.trial import Trial

# Share of the deltas' variance taken for noise where no standard error is known.
UNKNOWN_NOISE = 0.1
# Of the logarithm of a direction's variance. Its own scale makes that 1, far too much for one of
# noise: where trials are few, the scale is mostly the prior's of Σ.
SCALE_SPREAD = 0.75
LEAST_SCALE = 1e-4
# Of the logarithm of a choice's length scale: at 1, θ whose choices all differ correlate by 1/e.
CHOICE_SPREAD = 1.0
LEAST_CHOICE_SCALE = 1e-2
# How many directions' worth the prior of the length scales counts.
PRIOR_DIRECTIONS = 5.0
# Of L-BFGS. Thousands would follow, where a direction is nearly flat, for a likelihood as good.
FIT_OPTIONS = {"options": {"maxiter": 50}}
# In α; no delta is known better than this.
LEAST_SEM = 0.02


@dataclass(frozen=True)
class Surrogate:
    """Deltas of m models over a space, given trials.

    Attributes:
        tail: How the models' losses are seen by the processes.
        points: `[n, d]` encoded θ of the trials.
        model: Gaussian processes with q outputs, one a direction.
    """

    encoding: Encoding
    correlation: Correlation
    tail: Tail
    points: Tensor
    model: GPyTorchModel

    def deltas(self, samples: Tensor) -> Tensor:
        """`[..., q]` samples of the directions -> `[..., m]` deltas, percent."""
        return self.tail.undo(self._seen(samples))

    def predict(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """`[n, d]` -> `[n, m]` mean and standard deviation of deltas as the tail bounds them."""
        with torch.no_grad():
            posterior = self.model.posterior(points)
        spread = posterior.variance @ self.correlation.directions.T.square()
        return self._seen(posterior.mean), spread.clamp_min(0).sqrt()

    def sample(self, points: Tensor, count: int, seed: int) -> Tensor:
        """`[n, d]` -> `[count, n, m]` deltas, drawn jointly over the points."""
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(seed)
            drawn = self.model.posterior(points).rsample(torch.Size([count]))
        return self.deltas(drawn)

    def _seen(self, samples: Tensor) -> Tensor:
        return samples @ self.correlation.directions.T + self.correlation.centre


class Settled(InputTransform):
    """Points as the model sees them: what is not active makes no difference."""

    transform_on_train = True
    transform_on_eval = True
    transform_on_fantasize = True

    def __init__(self, encoding: Encoding) -> None:
        super().__init__()
        self.encoding = encoding

    def transform(self, X: Tensor) -> Tensor:  # noqa: N803
        """`[..., n, d]` -> the same, settled."""
        return self.encoding.settle(X)


def fit_surrogate(
    encoding: Encoding,
    trials: Sequence[Trial],
    *,
    alpha: float,
    earlier: Sequence[Trial] = (),
    extra_variance: float = 0.0,
    tail: Tail | None = None,
) -> Surrogate:
    """Fit to the trials, of which at least two have deltas.

    Where a model failed, A is -inf whatever the others gave: all deltas of the trial are taken as
    worse than any seen, of those as far down as the floor of `smt.search.divergence`.

    Args:
        earlier: Further trials, which have deltas, but are none of the surrogate's points.
        extra_variance: Of those deltas beyond their noise, percent², as the tail bounds them.
        tail: The mildest that these trials need where None.
    """
    tail = tail or tail_of((*trials, *earlier), alpha)
    deltas, variances, noise_known = observe(trials, alpha, tail)
    if earlier:
        further, noise, _ = observe(earlier, alpha, tail)
        deltas = torch.cat([deltas, further])
        variances = torch.cat([variances, noise + extra_variance])
    points = encoding.encode([trial.theta for trial in (*trials, *earlier)])
    correlation = fit_correlation(deltas, variances)
    model = _gaussian_processes(
        encoding, points, correlation.means, correlation.variances, noise_known
    )
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    if noise_known:
        _fit_jointly(likelihood)
    else:
        fit_gpytorch_mll(likelihood, optimizer_kwargs=FIT_OPTIONS)
    return Surrogate(encoding, correlation, tail, points[: len(trials)], model)


def _fit_jointly(likelihood: ExactMarginalLogLikelihood) -> None:
    # By itself BoTorch fits each direction alone, which what they share rules out.
    parameters = get_parameters(likelihood, requires_grad=True)
    fit_gpytorch_mll(
        likelihood,
        closure=get_loss_closure_with_grads(likelihood, parameters),
        optimizer_kwargs=FIT_OPTIONS,
    )


def tail_of(trials: Sequence[Trial], alpha: float) -> Tail:
    """The mildest that these trials' deltas need."""
    held = [bounded(trial, alpha).outcomes for trial in trials]
    return fit_tail(_tensor([[delta.value for delta in models] for models in held]), alpha)


def observe(trials: Sequence[Trial], alpha: float, tail: Tail) -> tuple[Tensor, Tensor, bool]:
    """`[n, m]` deltas (NaN: not evaluated) and variances, and whether all errors were known.

    Deltas of networks that diverged are held to a floor (`smt.search.divergence`), and the tail
    bounds what is left.
    """
    trials = [bounded(trial, alpha) for trial in trials]
    outcomes = [trial.outcomes for trial in trials]
    values = _tensor([[delta.value for delta in models] for models in outcomes])
    observed = tail.bound(values)
    sems = _tensor([[delta.sem for delta in models] for models in outcomes]) * tail.slope(values)
    skipped = [[delta.status == "not_evaluated" for delta in models] for models in outcomes]
    evaluated = ~torch.tensor(skipped)
    measured = observed.isfinite()
    failed = min([*observed[measured].tolist(), -alpha]) - alpha
    broken = (evaluated & ~measured).any(1, keepdim=True)
    deltas = torch.where(broken, failed, observed)
    known = bool(sems[measured].isfinite().all())
    guess = math.sqrt(UNKNOWN_NOISE) * float(deltas[evaluated].std(correction=0))
    least = LEAST_SEM * small(alpha)
    sems = torch.where(broken, least, sems)
    sems = torch.where(sems.isfinite(), sems, guess).clamp_min(least)
    return deltas, sems.square(), known


def _tensor(trials: Sequence[Sequence[float | None]]) -> Tensor:
    """`[n, m]`, NaN for None."""
    numbers = [[math.nan if number is None else number for number in models] for models in trials]
    return torch.tensor(numbers, dtype=torch.double)


def _gaussian_processes(
    encoding: Encoding, points: Tensor, means: Tensor, variances: Tensor, noise_known: bool
) -> GPyTorchModel:
    # BoTorch has no batch dimension for a single output.
    batch = means.shape[-1:] if means.shape[-1] > 1 else torch.Size()
    likelihood = None
    if not noise_known:
        likelihood = FixedNoiseGaussianLikelihood(
            noise=variances.T.reshape(*batch, len(points)),
            learn_additional_noise=True,
            batch_shape=batch,
        )
    return SingleTaskGP(
        points,
        means,
        variances if noise_known else None,
        likelihood=likelihood,
        covar_module=_kernel(encoding, points.shape[-1], batch, shared=noise_known),
        outcome_transform=None,
        input_transform=Settled(encoding) if encoding.conditions else None,
    )


def _kernel(encoding: Encoding, dimensions: int, batch: torch.Size, *, shared: bool) -> ScaleKernel:
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
