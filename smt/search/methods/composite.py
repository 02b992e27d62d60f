"""θ by a surrogate of every model's delta: where to try next, what to think of it, when to stop."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from scipy.special import ndtri
from torch import Tensor

from smt.search.divergence import held_off
from smt.search.goal import Goal
from smt.search.recommend import SURE, Estimate
from smt.search.regressed import count_regressions
from smt.search.state import SearchState
from smt.search.surrogate.acquisition import improvement, maximise
from smt.search.surrogate.surrogate import Surrogate, fit_surrogate
from smt.search.surrogate.warm_start import Earlier, weigh_earlier
from smt.search.trial import Proposal, Trial
from smt.seeds import proposal_seed
from smt.space import Theta
from smt.threads import one_thread

INITIAL_TRIALS = 6
# Earlier runs' trials may stand for the rest of the initial ones.
LEAST_OWN_TRIALS = 2
DRAWS = 512
# A trial that is likelier than this to be feasible is worth finishing even where it is not.
WORTH_FINISHING = 0.5
CANDIDATES = 256
# From this many trials on, every second one seeks a θ that can be recommended once it is tried:
# improvement alone is largest on the edge of what is feasible, and seldom sure there.
SAFE_FROM = 20
# Before this many trials, a claim that a technique has no θ is a false alarm too often.
LEAST_TRIALS_TO_GIVE_UP = 20
# As a share of τ: gains smaller than this are not worth a search.
WORTH_SEARCHING = 0.2


def propose(state: SearchState) -> Proposal | None:
    """The θ that promises the largest improvement of μ with R <= ε; None without a surrogate.

    The first `INITIAL_TRIALS` are left to quasi-random points, as far as earlier trials do not
    stand for them.
    """
    number = len(state.tried)
    if len(state.trials) < LEAST_OWN_TRIALS:
        return None
    own = proposal_seed(state.seed, number)
    with _calm(own):
        known = _weigh_earlier(state)
        if number + len(known.trials) < INITIAL_TRIALS:
            return None
        surrogate = _fit(state, known)
        theta = _choose(surrogate, state, known, own)
        return None if theta is None else _proposal(surrogate, theta, state, own)


def estimate(state: SearchState) -> list[Estimate]:
    """What the surrogate thinks of each trial, in order; nothing of fewer than it needs."""
    trials, goal = state.trials, state.goal
    if len(trials) < LEAST_OWN_TRIALS or not state.encoding.columns:
        return []
    with _calm(state.seed):
        known = _weigh_earlier(state)
        if len(trials) + len(known.trials) < INITIAL_TRIALS:
            return []
        surrogate = _fit(state, known)
        chances, means = _judge(surrogate, surrogate.points, goal, state.seed)
    # What the surrogate was not shown of the trials' own deltas.
    means = means - torch.tensor([held_off(trial, goal.alpha, goal.shares) for trial in trials])
    return [
        Estimate(trial=number, mean=float(mean), sem=float(sem), feasible_probability=float(chance))
        for number, (mean, sem, chance) in enumerate(
            zip(means.mean(0), means.std(0), chances, strict=True)
        )
    ]


def _weigh_earlier(state: SearchState) -> Earlier:
    return weigh_earlier(state.encoding, state.trials, state.earlier, alpha=state.goal.alpha)


def _fit(state: SearchState, known: Earlier) -> Surrogate:
    return fit_surrogate(
        state.encoding,
        state.trials,
        alpha=state.goal.alpha,
        earlier=known.trials,
        extra_variance=known.extra_variance,
    )


def _choose(surrogate: Surrogate, state: SearchState, known: Earlier, seed: int) -> Theta | None:
    """The θ of the largest acquisition that was not tried; None where all found were."""
    encoding, goal, tried = state.encoding, state.goal, state.tried
    seen = encoding.encode([trial.theta for trial in (*state.trials, *known.trials)])
    chances, _ = _judge(surrogate, seen, goal, seed)
    safe = len(tried) >= SAFE_FROM and len(tried) % 2 == 0
    acquisition = improvement(
        surrogate,
        shares=_shares(goal),
        alpha=goal.alpha,
        allowed=goal.allowed,
        pending=encoding.encode(state.pending) if state.pending else None,
        feasible_known=bool((chances > 0.5).any()),
        seed=seed,
        margins=_margins(surrogate, state.trials) if safe else None,
    )
    theta = encoding.decode(maximise(acquisition, encoding))
    if theta in tried:
        others = [point for point in encoding.sobol(CANDIDATES, seed) if point not in tried]
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
    complete = [number for number, trial in enumerate(trials) if not trial.skipped]
    if not complete:
        return None
    _, spread = surrogate.predict(surrogate.points[complete])
    return float(ndtri(SURE)) * spread.median(0).values


def _proposal(surrogate: Surrogate, theta: Theta, state: SearchState, seed: int) -> Proposal:
    point = state.encoding.encode([theta])
    chances, _ = _judge(surrogate, point, state.goal, seed)
    mean, spread = surrogate.predict(point)
    risk = ((-state.goal.alpha - mean) / spread.clamp_min(1e-9))[0]
    return Proposal(
        theta=theta,
        order=tuple(risk.argsort(descending=True, stable=True).tolist()),
        finish=bool(chances[0] >= WORTH_FINISHING),
        stop=_stop(surrogate, point, state, seed) if state.early_stopping else None,
    )


def _stop(surrogate: Surrogate, point: Tensor, state: SearchState, seed: int) -> str | None:
    """Why no further trial is worth its price; None where one is."""
    if len(state.trials) < LEAST_TRIALS_TO_GIVE_UP:
        return None
    encoding, goal = state.encoding, state.goal
    untried = torch.cat([encoding.encode(encoding.sobol(CANDIDATES, seed)), point])
    values = _values(surrogate.sample(torch.cat([surrogate.points, untried]), DRAWS, seed), goal)
    best_tried = values[:, : len(state.trials)].amax(1).clamp_min(0.0)
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
    feasible = count_regressions(deltas, goal.alpha) <= goal.allowed
    return feasible.double().mean(0), deltas @ _shares(goal)


def _values(deltas: Tensor, goal: Goal) -> Tensor:
    """`[..., m]` deltas -> `[...]` A."""
    feasible = count_regressions(deltas, goal.alpha) <= goal.allowed
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
