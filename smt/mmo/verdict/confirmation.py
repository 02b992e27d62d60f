"""The best of a search measured again on fresh seeds, and the verdict on it.

The largest of many noisy numbers is too large (the winner's curse), so nothing is claimed from the
trials that chose a θ.
"""

import math
from collections.abc import Sequence

from scipy.special import ndtri

from smt.mmo.verdict.significance import (
    combine_replicates,
    mean_interval,
    pooled_feasible_probability,
    seed_variance,
)
from smt.results.technique import Replication, ThetaRecord
from smt.search.aggregate import aggregate, finite, mean_sem
from smt.search.delta import Delta
from smt.search.divergence import diverged
from smt.search.goal import Goal
from smt.search.recommend import SURE, Estimate, contradicted
from smt.search.trial import Trial
from smt.space import Theta

# Chance, over all candidates of a technique together, that one is taken for a gain that is none.
LEVEL = 0.05


def candidates(
    trials: Sequence[Trial], estimates: Sequence[Estimate], goal: Goal, *, count: int
) -> list[int]:
    """Numbers of the trials worth measuring again, the most promising first.

    Feasible ones whose A reaches τ, observed or by the surrogate, where the two agree. With
    estimates, those that are surely feasible come first, by μ, then the surest; without, the
    largest A.
    """
    feasible = [number for number, trial in enumerate(trials) if trial.aggregate.feasible]
    if not estimates:
        worth = [n for n in feasible if trials[n].aggregate.value >= goal.tau]
        return sorted(worth, key=lambda n: -trials[n].aggregate.value)[:count]

    def promise(number: int) -> tuple[bool, float]:
        estimate = estimates[number]
        sure = estimate.feasible_probability >= SURE
        return sure, estimate.mean if sure else estimate.feasible_probability

    worth = [
        number
        for number in feasible
        if max(trials[number].aggregate.value, estimates[number].mean) >= goal.tau
        and not contradicted(estimates[number], trials[number], goal.shares)
    ]
    return sorted(worth, key=promise, reverse=True)[:count]


def measure(
    replicates: Sequence[tuple[int, Theta, Sequence[Trial]]],
    seeds: Sequence[int],
    goal: Goal,
    models: Sequence[str],
) -> tuple[Replication, ...]:
    """What fresh seeds say of the candidates of one technique.

    The variance between seeds is pooled over candidates and models: two seeds of one model say
    little. The lower bounds hold together, by Bonferroni's correction.

    Args:
        replicates: (number of the search's trial, θ, a complete trial a seed), a candidate each.
        models: Names, in the order of the trials' deltas.
    """
    ratio = _relative_seed_variance([trials for _, _, trials in replicates], goal.alpha)
    quantile = float(ndtri(1 - LEVEL / max(len(replicates), 1)))
    measured = []
    for number, theta, trials in replicates:
        by_model = zip(*(trial.outcomes for trial in trials), strict=True)
        outcomes = tuple(_over_seeds(deltas, ratio) for deltas in by_model)
        outcome = aggregate(outcomes, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
        record = theta_record(Trial(theta, outcomes, aggregate=outcome), models, goal)
        error = record.mean_sem
        measured.append(
            Replication(
                **dict(record),
                trial=number,
                seeds=tuple(seeds),
                by_seed=tuple(_by_model(models, trial) for trial in trials),
                interval=mean_interval(outcomes, goal.shares),
                lower=None if error is None else outcome.mean - quantile * error,
                feasible_probability=pooled_feasible_probability(outcomes, goal),
            )
        )
    return tuple(measured)


def theta_record(trial: Trial, models: Sequence[str], goal: Goal) -> ThetaRecord:
    """A trial in numbers; models by their names."""
    deltas, outcome = trial.outcomes, trial.aggregate
    helped = sum(delta.value is not None and delta.value > goal.alpha for delta in deltas)
    regressed = sum(delta.regressed(goal.alpha) for delta in deltas)
    return ThetaRecord(
        theta=trial.theta,
        value=finite(outcome.value),
        mean=finite(outcome.mean),
        mean_sem=mean_sem(trial.sems, goal.shares),
        regression_rate=outcome.regression_rate,
        helped=helped,
        neutral=trial.evaluations - helped - regressed,
        regressed=regressed,
        deltas=_by_model(models, trial),
    )


def choose_confirmed(measured: Sequence[Replication], goal: Goal) -> Replication | None:
    """The candidate of the largest A among those that generalize; None where none does.

    One generalizes where its A on fresh seeds reaches τ and its μ is surely above 0.
    """
    passing = [candidate for candidate in measured if generalizes(candidate, goal)]
    return max(passing, key=value_of, default=None)


def generalizes(measured: Replication, goal: Goal) -> bool:
    """Whether A reaches τ, and no noise of seeds and rows explains μ."""
    return value_of(measured) >= goal.tau and measured.lower is not None and measured.lower > 0


def value_of(measured: Replication) -> float:
    """A."""
    return -math.inf if measured.value is None else measured.value


def explain(measured: Replication, goal: Goal) -> str:
    """Why a candidate generalizes or not, in one sentence without its end."""
    mean = measured.mean
    seeds = f"on {len(measured.seeds)} fresh seeds"
    if mean is None:
        return f"a model fails {seeds}"
    if measured.regression_rate > goal.epsilon:
        return f"{seeds} R = {measured.regression_rate:.2f} is above ε = {goal.epsilon:g}"
    if mean < goal.tau:
        return f"{seeds} A = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if measured.lower is None:
        return f"{seeds} a standard error is unknown, so μ = {mean:+.3f}% may be noise"
    bound = f"{seeds} μ = {mean:+.3f}% is above {measured.lower:+.3f}% with 95% confidence"
    return bound if measured.lower > 0 else f"{bound} only: it may be noise"


def _over_seeds(deltas: Sequence[Delta], ratio: float | None) -> Delta:
    """A model's mean delta, by the variance between seeds that all candidates tell."""
    squares = _mean_square(deltas)
    return combine_replicates(
        deltas, seed_variance=None if ratio is None or squares is None else ratio * squares
    )


def _relative_seed_variance(candidates: Sequence[Sequence[Trial]], alpha: float) -> float | None:
    """Variance of Δ between seeds over that between rows; None where nothing tells.

    What makes a model's rows noisy, rare events above all, makes its seeds noisy too. A model
    whose network diverged says nothing of the others.
    """
    scaled = []
    for trials in candidates:
        for deltas in zip(*(trial.outcomes for trial in trials), strict=True):
            squares = _mean_square(deltas)
            values = [
                delta.value
                for delta in deltas
                if delta.value is not None and not diverged(delta, alpha)
            ]
            if squares and len(values) == len(trials) > 1:
                scaled.append([value / math.sqrt(squares) for value in values])
    return seed_variance(scaled) if scaled else None


def _mean_square(deltas: Sequence[Delta]) -> float | None:
    """Mean sem², percent²; None where one is unknown."""
    sems = [delta.sem for delta in deltas if delta.sem is not None]
    return sum(sem**2 for sem in sems) / len(sems) if len(sems) == len(deltas) else None


def _by_model(models: Sequence[str], trial: Trial) -> dict[str, Delta]:
    return dict(zip(models, trial.outcomes, strict=True))
