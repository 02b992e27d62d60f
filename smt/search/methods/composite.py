"""θ by a surrogate of every model's delta: where to try next, what to think of it, when to stop."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from scipy.special import ndtri
from torch import Tensor

from smt.search.divergence import held_off
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.recommend import SURE, Estimate, recommend
from smt.search.refused import best_allowed
from smt.search.state import SearchState
from smt.search.surrogate.acquisition import (
    box_around,
    improvement,
    maximise,
    relief,
    shortfall,
)
from smt.search.surrogate.joined import exactly
from smt.search.surrogate.judgement import (
    DRAWS,
    feasibility,
    shares_of,
    values_of,
    with_common_error,
)
from smt.search.surrogate.surrogate import Surrogate, fit_surrogate
from smt.search.surrogate.warm_start import Earlier, weigh_earlier
from smt.search.trial import Proposal, Trial
from smt.search.units import in_units, unit_of
from smt.seeds import proposal_seed
from smt.space import Theta
from smt.threads import one_thread

INITIAL_TRIALS = 6
# Earlier runs' trials may stand for the rest of the initial ones.
LEAST_OWN_TRIALS = 2
# A trial that is likelier than this to be feasible is worth finishing even where it is not.
WORTH_FINISHING = 0.5
CANDIDATES = 256
# Of a range: while nothing can be recommended, a θ as near as this to a tried one tells little.
NEAR = 0.02
# From this many trials on, every second one seeks a θ that can be recommended once it is tried:
# improvement alone is largest on the edge of what is feasible, and seldom sure there.
SAFE_FROM = 20
# Of a range: how far from the best θ so far, or the nearest to feasible, a proposal may be.
REACH = 0.2
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
    unit = unit_of(state)
    state = in_units(state, unit)
    own = proposal_seed(state.seed, number)
    with _calm(own):
        known = weigh_earlier(state)
        if number + len(known.trials) < INITIAL_TRIALS:
            return None
        surrogate = _fit(state, known)
        trials = (*state.trials, *known.trials)
        seen = [trial.theta for trial in trials]
        drawn = surrogate.sample(state.encoding.encode(seen), DRAWS, own)
        deltas = with_common_error(drawn, trials, surrogate.scatter, own)
        feasible_known = bool((feasibility(deltas, state.goal) > 0.5).any())
        estimates = _estimates(surrogate, state, own) if feasible_known else []
        best = recommend(state.trials, estimates, state.goal.shares)
        acquisition = _acquisition(surrogate, state, feasible_known, best, own)
        bounds = _bounds(deltas, seen, state, feasible_known, best)
        theta = _choose(acquisition, state, bounds, 0.0 if feasible_known else NEAR, own)
        if theta is None:
            return None
        stop = _stop(surrogate, theta, state, unit, own) if state.early_stopping else None
        point = state.encoding.encode([theta])
        order = _order(surrogate, point, state.goal, feasible_known)
        chance = feasibility(surrogate.sample(point, DRAWS, own), state.goal)
        return Proposal(theta, order, finish=bool(chance[0] >= WORTH_FINISHING), stop=stop)


def estimate(state: SearchState) -> list[Estimate]:
    """What the surrogate thinks of each trial, in order; nothing of fewer than it needs."""
    unit = unit_of(state)
    state = in_units(state, unit)
    trials = state.trials
    if len(trials) < LEAST_OWN_TRIALS or not state.encoding.columns:
        return []
    with _calm(state.seed):
        known = weigh_earlier(state)
        if len(trials) + len(known.trials) < INITIAL_TRIALS:
            return []
        estimates = _estimates(_fit(state, known), state, state.seed)
    return [
        estimate.model_copy(update={"mean": unit * estimate.mean, "sem": unit * estimate.sem})
        for estimate in estimates
    ]


def _estimates(surrogate: Surrogate, state: SearchState, seed: int) -> list[Estimate]:
    """Of each trial, in the state's units."""
    goal = state.goal
    drawn = surrogate.sample(surrogate.points, DRAWS, seed)
    deltas = with_common_error(drawn, state.trials, surrogate.scatter, seed)
    # What the surrogate was not shown of the trials' own deltas.
    hidden = [held_off(trial, goal.alpha, goal.shares) for trial in state.trials]
    means, chances = deltas @ shares_of(goal) - torch.tensor(hidden), feasibility(deltas, goal)
    return [
        Estimate(trial=number, mean=float(mean), sem=float(sem), feasible_probability=float(chance))
        for number, (mean, sem, chance) in enumerate(
            zip(means.mean(0), means.std(0), chances, strict=True)
        )
    ]


def _fit(state: SearchState, known: Earlier) -> Surrogate:
    return fit_surrogate(
        state.encoding,
        state.trials,
        alpha=state.goal.alpha,
        earlier=known.trials,
        extra_variance=known.extra_variance,
    )


def _acquisition(
    surrogate: Surrogate, state: SearchState, feasible_known: bool, best: Estimate | None, seed: int
) -> AcquisitionFunction:
    """More μ than the best where a feasible θ is known, else to be nearer to one."""
    goal, count = state.goal, len(state.tried)
    pending = state.encoding.encode(state.pending) if state.pending else None
    if not feasible_known:
        deltas = surrogate.sample(surrogate.points, DRAWS, seed)
        below = float(shortfall(deltas, goal).mean(0).min())
        return relief(surrogate, goal, below=below, pending=pending, seed=seed)
    safe = count >= SAFE_FROM and count % 2 == 0
    return improvement(
        surrogate,
        goal,
        above=0.0 if best is None else best.mean,
        pending=pending,
        seed=seed,
        margins=_margins(surrogate, state.trials) if safe else 0.0,
    )


def _bounds(
    deltas: Tensor,
    seen: Sequence[Theta],
    state: SearchState,
    feasible_known: bool,
    best: Estimate | None,
) -> Tensor:
    """`[2, d]` where to search: near the best, or, every second time, the nearest to feasible.

    Far from all that was tried, a Gaussian process promises as much above its mean as below, where
    no delta is: without a trust region most late trials were corners of the space (as that of
    Eriksson & Poloczek 2021, of a fixed size).

    Args:
        deltas: `[draws, n, m]` of the θ that were seen, this run's first.
    """
    if feasible_known:
        return box_around(seen[_most_promising(deltas, state, best)], REACH, state.encoding)
    if len(state.tried) % 2:
        nearest = int(shortfall(deltas, state.goal).mean(0).argmin())
        return box_around(seen[nearest], REACH, state.encoding)
    return state.encoding.bounds


def _most_promising(deltas: Tensor, state: SearchState, best: Estimate | None) -> int:
    """Which is the best of this run, or one of an earlier run's of a larger μ.

    Where nothing would be recommended, the largest μ that is likely feasible, though it be worse
    than nothing.
    """
    chances = feasibility(deltas, state.goal)
    means = (deltas @ shares_of(state.goal)).mean(0).where(chances > 0.5, -torch.inf)
    if best is not None:
        means[: len(state.trials)] = -torch.inf
        means[best.trial] = best.mean
    return int(means.argmax())


def _choose(
    acquisition: AcquisitionFunction,
    state: SearchState,
    bounds: Tensor,
    apart: float,
    seed: int,
) -> Theta | None:
    """The θ of the largest acquisition inside the bounds that is new and may be tried, or None."""
    encoding = state.encoding
    new = _new(encoding, state.tried, apart)

    def promise(thetas: Sequence[Theta]) -> Tensor:
        with torch.no_grad():
            values: Tensor = acquisition(encoding.encode(thetas).unsqueeze(1))
        return values

    with exactly():
        theta = encoding.decode(maximise(acquisition, encoding, bounds))
        if not new(theta):
            others = [point for point in encoding.sobol(CANDIDATES, seed) if new(point)]
            if not others:
                return None
            theta, bounds = others[int(promise(others).argmax())], encoding.bounds
        if state.refusal(theta) is None:
            return theta
        return best_allowed(promise, theta, bounds, state, new, seed)


def _new(encoding: Encoding, tried: Sequence[Theta], near: float) -> Callable[[Theta], bool]:
    """Whether a θ is none of these, and some number of it is further away than this."""
    points = encoding.encode(tried)

    def new(theta: Theta) -> bool:
        away = (points - encoding.encode([theta])).abs().amax(1)
        return theta not in tried and not bool((away <= near).any())

    return new


def _margins(surrogate: Surrogate, trials: Sequence[Trial]) -> Tensor | float:
    """`[m]`: how far above -α a delta must be to be surely there once it is measured.

    As uncertain as the deltas of complete trials are now; 0 where there are none.
    """
    complete = [number for number, trial in enumerate(trials) if not trial.skipped]
    if not complete:
        return 0.0
    _, spread = surrogate.predict(surrogate.points[complete])
    return float(ndtri(SURE)) * spread.median(0).values


def _order(
    surrogate: Surrogate, point: Tensor, goal: Goal, feasible_known: bool
) -> tuple[int, ...]:
    """The models at a `[1, d]` point, those first that are likeliest to end a rejected trial.

    While nothing is feasible nearly every trial is rejected, and the same few models would be all
    that any of them told of: those of which least is known come first then.
    """
    mean, spread = surrogate.predict(point)
    risk = (-goal.alpha - mean) / spread.clamp_min(1e-9)
    first = (risk if feasible_known else spread)[0]
    return tuple(first.argsort(descending=True, stable=True).tolist())


def _stop(
    surrogate: Surrogate, theta: Theta, state: SearchState, unit: float, seed: int
) -> str | None:
    """Why no further trial, of this θ or another, is worth its price; None where one is."""
    if len(state.trials) < LEAST_TRIALS_TO_GIVE_UP:
        return None
    encoding, goal = state.encoding, state.goal
    untried = encoding.encode([*encoding.sobol(CANDIDATES, seed), theta])
    values = values_of(
        surrogate.sample_jointly(torch.cat([surrogate.points, untried]), DRAWS, seed), goal
    )
    best_tried = values[:, : len(state.trials)].amax(1).clamp_min(0.0)
    best = values.amax(1)
    hope = float((best >= goal.tau).double().mean())
    if hope < 1 - SURE:
        return f"no theta reaches A >= {unit * goal.tau:g}% with probability {1 - hope:.2f}"
    gain = WORTH_SEARCHING * goal.tau
    hope = float((best > best_tried + gain).double().mean())
    if hope < 1 - SURE:
        return f"A gains more than {unit * gain:g}% with probability {hope:.2f} only"
    return None


@contextmanager
def _calm(seed: int) -> Iterator[None]:
    """On one thread, with torch's generator as seeded here and put back afterwards.

    And without the libraries' remarks on data that are as they are.
    """
    with warnings.catch_warnings(), one_thread(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        yield
