"""The best of a search measured again on fresh seeds, and the verdict on it.

The largest of many noisy numbers is too large (the winner's curse), so nothing is claimed from the
trials that chose a θ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from smt.mmo.verdict.significance import (
    combine_replicates,
    mean_interval,
    pooled_feasible_probability,
    seed_variance,
)
from smt.search.aggregate import Aggregate, aggregate, mean_sem
from smt.search.composite import SURE, Estimate
from smt.search.divergence import diverged
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.space import Theta

# Chance, over all candidates of a technique together, that one is taken for a gain that is none.
LEVEL = 0.05


@dataclass(frozen=True)
class Measured:
    """One θ on m models over several seeds.

    Attributes:
        trial: Number of the search's trial that tried it first.
        seeds: S seeds.
        replicates: A trial a seed, complete.
        deltas: `[m]` means over the seeds, percent; NaN where one failed.
        sems: Their standard errors over rows and seeds, percent; None where unknown.
        aggregate: μ, R and A of `deltas`.
        mean_sem: Standard error of μ, percent; None where there is no μ or a sem is unknown.
        interval: Of μ, 95%; None as `mean_sem` is.
        lower: One-sided lower bound of μ, percent; None as `mean_sem` is.
        feasible_probability: P(R <= ε).
    """

    trial: int
    theta: Theta
    seeds: tuple[int, ...]
    replicates: tuple[Trial, ...]
    deltas: tuple[float, ...]
    sems: tuple[float | None, ...]
    aggregate: Aggregate
    mean_sem: float | None
    interval: tuple[float, float] | None
    lower: float | None
    feasible_probability: float


def candidates(
    trials: Sequence[Trial], estimates: Sequence[Estimate], goal: Goal, *, count: int
) -> list[int]:
    """Numbers of the trials worth measuring again, the most promising first.

    Feasible ones whose A reaches τ, observed or by the surrogate. With estimates, those that are
    surely feasible come first, by μ, then the surest; without, the largest A.
    """
    feasible = [number for number, trial in enumerate(trials) if trial.aggregate.feasible]
    if not estimates:
        worth = [n for n in feasible if trials[n].aggregate.value >= goal.tau]
        return sorted(worth, key=lambda n: -trials[n].aggregate.value)[:count]

    def promise(number: int) -> tuple[bool, float]:
        found = estimates[number]
        sure = found.feasible_probability >= SURE
        return sure, found.mean if sure else found.feasible_probability

    worth = [
        number
        for number in feasible
        if max(trials[number].aggregate.value, estimates[number].mean) >= goal.tau
    ]
    return sorted(worth, key=promise, reverse=True)[:count]


def measure(
    replicates: Sequence[tuple[int, Theta, Sequence[Trial]]], seeds: Sequence[int], goal: Goal
) -> tuple[Measured, ...]:
    """What fresh seeds say of the candidates of one technique.

    The variance between seeds is pooled over candidates and models: two seeds of one model say
    little. The lower bounds hold together, by Bonferroni's correction.

    Args:
        replicates: (number of the search's trial, θ, a complete trial a seed), a candidate each.
    """
    ratio = _relative_seed_variance([trials for _, _, trials in replicates], goal.alpha)
    quantile = float(ndtri(1 - LEVEL / max(len(replicates), 1)))
    return tuple(
        _measure(number, theta, tuple(trials), tuple(seeds), goal, ratio, quantile)
        for number, theta, trials in replicates
    )


def choose_confirmed(found: Sequence[Measured], goal: Goal) -> Measured | None:
    """The candidate of the largest A among those that generalize; None where none does.

    One generalizes where its A on fresh seeds reaches τ and its μ is surely above 0.
    """
    passing = [each for each in found if generalizes(each, goal)]
    return max(passing, key=lambda each: each.aggregate.value, default=None)


def generalizes(found: Measured, goal: Goal) -> bool:
    """Whether A reaches τ, and no noise of seeds and rows explains μ."""
    return found.aggregate.value >= goal.tau and found.lower is not None and found.lower > 0


def explain(found: Measured, goal: Goal) -> str:
    """Why a candidate generalizes or not, in one sentence without its end."""
    mean, rate = found.aggregate.mean, found.aggregate.regression_rate
    seeds = f"on {len(found.seeds)} fresh seeds"
    if math.isnan(mean):
        return f"a model fails {seeds}"
    if rate > goal.epsilon:
        return f"{seeds} R = {rate:.2f} is above ε = {goal.epsilon:g}"
    if mean < goal.tau:
        return f"{seeds} A = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if found.lower is None:
        return f"{seeds} a standard error is unknown, so μ = {mean:+.3f}% may be noise"
    bound = f"{seeds} μ = {mean:+.3f}% is above {found.lower:+.3f}% with 95% confidence"
    return bound if found.lower > 0 else f"{bound} only: it may be noise"


def _measure(
    number: int,
    theta: Theta,
    trials: tuple[Trial, ...],
    seeds: tuple[int, ...],
    goal: Goal,
    ratio: float | None,
    quantile: float,
) -> Measured:
    pairs = [_over_seeds(trials, model, ratio) for model in range(len(goal.shares))]
    deltas = tuple(delta for delta, _ in pairs)
    sems = tuple(sem for _, sem in pairs)
    outcome = aggregate(deltas, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
    error = mean_sem(sems, goal.shares)
    return Measured(
        trial=number,
        theta=theta,
        seeds=seeds,
        replicates=trials,
        deltas=deltas,
        sems=sems,
        aggregate=outcome,
        mean_sem=error,
        interval=mean_interval(deltas, sems, goal.shares),
        lower=None if error is None else outcome.mean - quantile * error,
        feasible_probability=pooled_feasible_probability(
            deltas, sems, alpha=goal.alpha, epsilon=goal.epsilon
        ),
    )


def _over_seeds(
    trials: Sequence[Trial], model: int, ratio: float | None
) -> tuple[float, float | None]:
    """A model's mean delta, NaN where a seed failed, and its standard error."""
    deltas = [trial.deltas[model] for trial in trials]
    sems = [trial.sems[model] for trial in trials]
    squares = _mean_square(sems)
    return combine_replicates(
        [math.nan if delta is None else delta for delta in deltas],
        sems,
        seed_variance=None if ratio is None or squares is None else ratio * squares,
    )


def _relative_seed_variance(candidates: Sequence[Sequence[Trial]], alpha: float) -> float | None:
    """Variance of Δ between seeds over that between rows; None where nothing tells.

    What makes a model's rows noisy, rare events above all, makes its seeds noisy too. A model
    whose network diverged says nothing of the others.
    """
    scaled = []
    for trials in candidates:
        for model in range(len(trials[0].deltas)):
            deltas = [trial.deltas[model] for trial in trials]
            squares = _mean_square([trial.sems[model] for trial in trials])
            known = [
                delta
                for delta in deltas
                if delta is not None and math.isfinite(delta) and not diverged(delta, alpha)
            ]
            if squares and len(known) == len(trials) > 1:
                scaled.append([delta / math.sqrt(squares) for delta in known])
    return seed_variance(scaled) if scaled else None


def _mean_square(sems: Sequence[float | None]) -> float | None:
    known = [sem for sem in sems if sem is not None and not math.isnan(sem)]
    return sum(sem**2 for sem in known) / len(known) if len(known) == len(sems) else None
