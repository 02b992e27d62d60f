"""θ by a surrogate of every model's delta: where to try next, what to recommend, when to stop."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from scipy.special import ndtri
from torch import Tensor

from smt.search.acquisition import improvement, maximise
from smt.search.divergence import held_off
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.surrogate import Surrogate, fit_surrogate
from smt.search.trial import Proposal, Trial
from smt.search.warm_start import Earlier, weigh_earlier
from smt.seeds import proposal_seed
from smt.space import Theta
from smt.threads import one_thread

INITIAL_TRIALS = 6
# Earlier runs' trials may stand for the rest of the initial ones.
LEAST_OWN_TRIALS = 2
DRAWS = 512
# A trial that is likelier than this to be feasible is worth finishing even where it is not.
WORTH_FINISHING = 0.5
# What a recommendation must reach, and what a claim that nothing is left must.
SURE = 0.95
CANDIDATES = 256
# From this many trials on, every second one seeks a θ that can be recommended once it is tried:
# improvement alone is largest on the edge of what is feasible, and seldom sure there.
SAFE_FROM = 20
# Before this many trials, a claim that a technique has no θ is a false alarm too often.
LEAST_TRIALS_TO_GIVE_UP = 20
# As a share of τ: gains smaller than this are not worth a search.
WORTH_SEARCHING = 0.2


@dataclass(frozen=True)
class Estimate:
    """What the surrogate thinks of a tried θ.

    Attributes:
        trial: Its number.
        mean, sem: Of μ, percent.
        feasible_probability: P(R <= ε).
    """

    trial: int
    mean: float
    sem: float
    feasible_probability: float


def propose_composite(
    encoding: Encoding,
    trials: Sequence[Trial],
    pending: Sequence[Theta],
    goal: Goal,
    *,
    seed: int,
    earlier: Sequence[Trial] = (),
    early_stopping: bool = False,
) -> Proposal | None:
    """The θ that promises the largest improvement of μ with R <= ε; None without a surrogate.

    The first `INITIAL_TRIALS` are left to quasi-random points, as far as earlier trials do not
    stand for them.
    """
    number = len(trials) + len(pending)
    if len(trials) < LEAST_OWN_TRIALS:
        return None
    own = proposal_seed(seed, number)
    with _calm(own):
        known = weigh_earlier(encoding, trials, earlier, alpha=goal.alpha)
        if number + len(known.trials) < INITIAL_TRIALS:
            return None
        surrogate = _fit(encoding, trials, known, goal)
        theta = _choose(surrogate, trials, pending, known, goal, own)
        if theta is None:
            return None
        return _proposal(surrogate, theta, trials, goal, own, early_stopping)


def estimate(
    encoding: Encoding,
    trials: Sequence[Trial],
    goal: Goal,
    *,
    seed: int,
    earlier: Sequence[Trial] = (),
) -> list[Estimate]:
    """What the surrogate thinks of each trial, in order; nothing of fewer than it needs."""
    if len(trials) < LEAST_OWN_TRIALS or not encoding.columns:
        return []
    with _calm(seed):
        known = weigh_earlier(encoding, trials, earlier, alpha=goal.alpha)
        if len(trials) + len(known.trials) < INITIAL_TRIALS:
            return []
        surrogate = _fit(encoding, trials, known, goal)
        chances, means = _judge(surrogate, surrogate.points, goal, seed)
    # What the surrogate was not shown of the trials' own deltas.
    means = means - torch.tensor([held_off(each, goal.alpha, goal.shares) for each in trials])
    return [
        Estimate(number, float(mean), float(sem), float(chance))
        for number, (mean, sem, chance) in enumerate(
            zip(means.mean(0), means.std(0), chances, strict=True)
        )
    ]


def recommend(trials: Sequence[Trial], estimates: Sequence[Estimate]) -> Estimate | None:
    """Of the feasible trials, the largest μ by the surrogate that is surely feasible.

    The θ of the largest observed A lies on the edge of what is feasible, and is truly
    infeasible too often. Where none is sure, the surest; None where no trial is feasible.
    """
    feasible = [each for each in estimates if trials[each.trial].aggregate.feasible]
    sure = [each for each in feasible if each.feasible_probability >= SURE]
    if sure:
        return max(sure, key=lambda each: each.mean)
    return max(feasible, key=lambda each: each.feasible_probability, default=None)


def _fit(encoding: Encoding, trials: Sequence[Trial], earlier: Earlier, goal: Goal) -> Surrogate:
    return fit_surrogate(
        encoding,
        trials,
        alpha=goal.alpha,
        earlier=earlier.trials,
        extra_variance=earlier.extra_variance,
    )


def _choose(
    surrogate: Surrogate,
    trials: Sequence[Trial],
    pending: Sequence[Theta],
    earlier: Earlier,
    goal: Goal,
    seed: int,
) -> Theta | None:
    """The θ of the largest acquisition that was not tried; None where all found were."""
    encoding = surrogate.encoding
    seen = encoding.encode([trial.theta for trial in (*trials, *earlier.trials)])
    chances, _ = _judge(surrogate, seen, goal, seed)
    number = len(trials) + len(pending)
    safe = number >= SAFE_FROM and number % 2 == 0
    acquisition = improvement(
        surrogate,
        shares=_shares(goal),
        alpha=goal.alpha,
        allowed=goal.allowed,
        pending=encoding.encode(pending) if pending else None,
        feasible_known=bool((chances > 0.5).any()),
        seed=seed,
        margins=_margins(surrogate, trials) if safe else None,
    )
    theta = encoding.decode(maximise(acquisition, encoding))
    tried = [*(trial.theta for trial in trials), *pending]
    if theta in tried:
        others = [each for each in encoding.sobol(CANDIDATES, seed) if each not in tried]
        if not others:
            return None
        with torch.no_grad():
            values = acquisition(encoding.encode(others).unsqueeze(1))
        theta = others[int(values.argmax())]
    return theta


def _margins(surrogate: Surrogate, trials: Sequence[Trial]) -> Tensor | None:
    """`[m]` percent: how far above -α a delta must be to be surely there once it is measured.

    As uncertain as the deltas of complete trials are now; None where there are none.
    """
    complete = [number for number, trial in enumerate(trials) if None not in trial.deltas]
    if not complete:
        return None
    _, spread = surrogate.predict(surrogate.points[complete])
    return float(ndtri(SURE)) * spread.median(0).values


def _proposal(
    surrogate: Surrogate,
    theta: Theta,
    trials: Sequence[Trial],
    goal: Goal,
    seed: int,
    early_stopping: bool,
) -> Proposal:
    point = surrogate.encoding.encode([theta])
    chances, _ = _judge(surrogate, point, goal, seed)
    mean, spread = surrogate.predict(point)
    risk = ((-goal.alpha - mean) / spread.clamp_min(1e-9))[0]
    return Proposal(
        theta=theta,
        order=tuple(risk.argsort(descending=True, stable=True).tolist()),
        finish=bool(chances[0] >= WORTH_FINISHING),
        stop=_stop(surrogate, point, trials, goal, seed) if early_stopping else None,
    )


def _stop(
    surrogate: Surrogate, point: Tensor, trials: Sequence[Trial], goal: Goal, seed: int
) -> str | None:
    """Why no further trial is worth its price; None where one is."""
    if len(trials) < LEAST_TRIALS_TO_GIVE_UP:
        return None
    encoding = surrogate.encoding
    untried = torch.cat([encoding.encode(encoding.sobol(CANDIDATES, seed)), point])
    values = _values(surrogate.sample(torch.cat([surrogate.points, untried]), DRAWS, seed), goal)
    best_tried = values[:, : len(trials)].amax(1).clamp_min(0.0)
    best = values.amax(1)
    hope = float((best >= goal.tau).double().mean())
    if hope < 1 - SURE:
        return f"no theta reaches A >= {goal.tau:g}% with probability {1 - hope:.2f}"
    gain = WORTH_SEARCHING * goal.tau
    hope = float((best > best_tried + gain).double().mean())
    if hope < 1 - SURE:
        return f"A gains more than {gain:g}% with probability {hope:.2f} only"
    return None


def _judge(surrogate: Surrogate, points: Tensor, goal: Goal, seed: int) -> tuple[Tensor, Tensor]:
    """`[n, d]` -> `[n]` P(R <= ε) and `[draws, n]` draws of μ."""
    deltas = surrogate.sample(points, DRAWS, seed)
    feasible = (deltas < -goal.alpha).sum(-1) <= goal.allowed
    return feasible.double().mean(0), deltas @ _shares(goal)


def _values(deltas: Tensor, goal: Goal) -> Tensor:
    """`[..., m]` deltas -> `[...]` A."""
    feasible = (deltas < -goal.alpha).sum(-1) <= goal.allowed
    return torch.where(feasible, deltas @ _shares(goal), -torch.inf)


def _shares(goal: Goal) -> Tensor:
    return torch.tensor(goal.shares, dtype=torch.double)


@contextmanager
def _calm(seed: int) -> Iterator[None]:
    """On one thread, with torch's generator as seeded here and put back afterwards.

    And without the libraries' remarks on data that are as they are.
    """
    with warnings.catch_warnings(), one_thread(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        yield
