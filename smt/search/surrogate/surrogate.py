"""The surrogate of a search: a distribution over every model's delta at every θ.

Deltas are rotated into independent directions (`smt.search.surrogate.correlation`), and each
direction is a Gaussian process over the space, all fitted as one batch; standard errors enter as
known noise. Of a trial that left models out, the directions are uncertain and not independent: what
was measured is then learned from by one process over all deltas (`smt.search.surrogate.joined`).

Where they do, the directions share a kernel up to its scale, as in coregionalisation (Bonilla et
al. 2008): most of them say too little of the space for length scales of their own. Where the
noise is learned, a direction that the shared kernel does not suit would be taken for noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models import MultiTaskGP, SingleTaskGP
from botorch.models.gpytorch import GPyTorchModel
from botorch.models.transforms.input import InputTransform
from botorch.optim.closures import get_loss_closure_with_grads
from botorch.optim.utils import get_parameters
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor

from smt.search.divergence import bounded
from smt.search.encoding import Encoding
from smt.search.regressed import small
from smt.search.surrogate.correlation import Correlation, fit_correlation
from smt.search.surrogate.joined import exactly, join
from smt.search.surrogate.kernel import make_kernel
from smt.search.surrogate.scatter import fit_scatter
from smt.search.surrogate.tail import Tail, fit_tail
from smt.search.trial import Trial

# Share of the deltas' variance taken for noise where no standard error is known.
UNKNOWN_NOISE = 0.1
# Of L-BFGS. Thousands would follow, where a direction is nearly flat, for a likelihood as good.
ITERATIONS = 50
# In α; no delta is known better than this.
LEAST_SEM = 0.02
# A share of the noise above this is taken for all of it.
LEAST_WHOLE = 0.7
# Deltas of one process, whose price is their number cubed: 532 took 2.7 s a proposal.
MOST_JOINED = 2000


@dataclass(frozen=True)
class Surrogate:
    """Deltas of m models over a space, given trials.

    Attributes:
        tail: How the models' losses are seen by the processes.
        points: `[n, d]` encoded θ of the trials.
        scatter: Share of their noise's variance that differs from one θ to the next; the rest is
            in `model`, which is of deltas as these rows measure them.
        rotated: Gaussian processes with q outputs, one a direction.
        joined: One over all deltas, with m outputs; None where the directions say as much.
    """

    encoding: Encoding
    correlation: Correlation
    tail: Tail
    points: Tensor
    scatter: float
    rotated: GPyTorchModel
    joined: MultiTaskGP | None = None

    @property
    def model(self) -> GPyTorchModel:
        """What knows most at a point."""
        return self.rotated if self.joined is None else self.joined

    def deltas(self, samples: Tensor) -> Tensor:
        """Samples of `model`'s outputs, in the last dimension -> `[..., m]` deltas, percent."""
        return self.tail.undo(self._seen(samples))

    def predict(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """`[n, d]` -> `[n, m]` mean and standard deviation of deltas as the tail bounds them."""
        with torch.no_grad(), exactly():
            posterior = self.model.posterior(points.unsqueeze(1))
        mean, variance = posterior.mean.squeeze(1), posterior.variance.squeeze(1)
        if self.joined is None:
            variance = variance @ self.correlation.directions.T.square()
        return self._seen(mean), variance.clamp_min(0).sqrt()

    def sample(self, points: Tensor, count: int, seed: int) -> Tensor:
        """`[n, d]` -> `[count, n, m]` deltas, drawn at every point by itself."""
        with torch.no_grad(), exactly(), torch.random.fork_rng():
            torch.manual_seed(seed)
            posterior = self.model.posterior(points.unsqueeze(1))
            drawn = posterior.rsample(torch.Size([count])).squeeze(2)
        return self.deltas(drawn)

    def sample_jointly(self, points: Tensor, count: int, seed: int) -> Tensor:
        """`[n, d]` -> `[count, n, m]` deltas, drawn jointly over the points.

        By the directions alone: so many points of all models are too many for one process.
        """
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(seed)
            drawn = self.rotated.posterior(points).rsample(torch.Size([count]))
        return self.tail.undo(self._rotate_back(drawn))

    def _seen(self, samples: Tensor) -> Tensor:
        if self.joined is None:
            return self._rotate_back(samples)
        return samples + self.correlation.centre

    def _rotate_back(self, samples: Tensor) -> Tensor:
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
    correlation, model = _directions(encoding, points, deltas, variances, noise_known)
    known = deltas.isfinite()
    # Of another run's trials the noise is in part that of another baseline.
    complete = known.all(1) & (torch.arange(len(known)) < len(trials))
    scatter = fit_scatter(model, complete) if noise_known else 1.0
    if scatter > LEAST_WHOLE:
        scatter = 1.0
    else:
        variances = scatter * variances
        correlation, model = _directions(encoding, points, deltas, variances, noise_known)
    joining = noise_known and not known.all() and int(known.sum()) <= MOST_JOINED
    joined = join(model, points, deltas, variances, correlation) if joining else None
    return Surrogate(encoding, correlation, tail, points[: len(trials)], scatter, model, joined)


def _directions(
    encoding: Encoding, points: Tensor, deltas: Tensor, variances: Tensor, noise_known: bool
) -> tuple[Correlation, GPyTorchModel]:
    """Independent directions of the deltas, and their processes, fitted."""
    correlation = fit_correlation(deltas, variances)
    model = _gaussian_processes(
        encoding, points, correlation.means, correlation.variances, noise_known
    )
    _fit(ExactMarginalLogLikelihood(model.likelihood, model), jointly=noise_known)
    return correlation, model


def _fit(likelihood: ExactMarginalLogLikelihood, *, jointly: bool) -> None:
    """Maximise it; by itself BoTorch fits each direction alone, which what they share rules out."""
    parameters = get_parameters(likelihood, requires_grad=True)
    fit_gpytorch_mll(
        likelihood,
        closure=get_loss_closure_with_grads(likelihood, parameters) if jointly else None,
        optimizer_kwargs={"options": {"maxiter": ITERATIONS}},
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
        covar_module=make_kernel(encoding, points.shape[-1], batch, shared=noise_known),
        outcome_transform=None,
        input_transform=Settled(encoding) if encoding.conditions else None,
    )
