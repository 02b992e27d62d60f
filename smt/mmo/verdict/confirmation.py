"""The best of a search measured again on fresh seeds, and the verdict on it.

The largest of many noisy numbers is too large (the winner's curse), so nothing is claimed from the
trials that chose a θ.
"""

import math
from collections.abc import Mapping, Sequence

from smt.mmo.verdict.saving import explain_saving, least_mean, non_inferior
from smt.mmo.verdict.significance import (
    combine_replicates,
    mean_interval,
    pooled_feasible_probability,
    seed_variance,
)
from smt.mmo.verdict.stopping import UNLIKELY, critical_value, promise
from smt.results.savings import Savings
from smt.results.technique import Decision, Kind, Replication, ThetaRecord
from smt.search.aggregate import Aggregate, aggregate, finite, mean_sem
from smt.search.delta import Delta
from smt.search.divergence import diverged
from smt.search.goal import Goal
from smt.search.recommend import SURE, Estimate, contradicted
from smt.search.trial import Trial
from smt.space import Theta

# Chance, over all candidates of a technique together, that one is taken for a gain that is none.
LEVEL = 0.05
# P(R <= ε) that a gain needs once there are no more seeds; while there are, it must be sure of it.
LIKELY = 0.8


def candidates(
    trials: Sequence[Trial],
    estimates: Sequence[Estimate],
    goal: Goal,
    *,
    count: int,
    savers: Mapping[int, Savings] = {},
) -> list[int]:
    """Numbers of the trials worth measuring again, the most promising first.

    Feasible ones whose A reaches τ, observed or by the surrogate, where the two agree. With
    estimates, those that are surely feasible come first, by μ, then the surest; without, the
    largest A. After them, where there are not so many, feasible ones that save enough: the surely
    feasible ones by what they save, then the surest.

    Args:
        savers: Number of a trial -> what it saves, of those that save enough.
    """
    feasible = [number for number, trial in enumerate(trials) if trial.aggregate.feasible]
    gains = _gaining(feasible, trials, estimates, goal)

    def merit(number: int) -> tuple[bool, float]:
        chance = (
            estimates[number].feasible_probability
            if estimates
            else pooled_feasible_probability(trials[number].outcomes, goal)
        )
        return chance >= SURE, savers[number].largest if chance >= SURE else chance

    saving = [number for number in feasible if number in savers and number not in gains]
    return [*gains, *sorted(saving, key=merit, reverse=True)][:count]


def _gaining(
    feasible: Sequence[int], trials: Sequence[Trial], estimates: Sequence[Estimate], goal: Goal
) -> list[int]:
    """Numbers of the trials whose A reaches τ; see `candidates`."""
    if not estimates:
        worth = [n for n in feasible if trials[n].aggregate.value >= goal.tau]
        return sorted(worth, key=lambda n: -trials[n].aggregate.value)

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
    return sorted(worth, key=promise, reverse=True)


def measure(
    replicates: Sequence[tuple[int, Theta, Sequence[Trial]]],
    seeds: Sequence[int],
    goal: Goal,
    models: Sequence[str],
    savers: Mapping[int, Savings] = {},
) -> tuple[Replication, ...]:
    """What fresh seeds say of the candidates of one technique, and what that decides.

    The variance between seeds is pooled over candidates and models: two seeds of one model say
    little. The bounds hold at every look (`smt.mmo.verdict.stopping`), the lower ones of all
    candidates together, by Bonferroni's correction.

    Args:
        replicates: (number of the search's trial, θ, a complete trial a seed so far), a candidate
            each.
        seeds: All that may be used, in order.
        models: Names, in the order of the trials' deltas.
        savers: Number of a trial -> what it saves, of those that save enough.
    """
    ratio = _relative_seed_variance([trials for _, _, trials in replicates], goal.alpha)
    surely_above = critical_value(len(seeds), LEVEL / max(len(replicates), 1))
    surely_below = critical_value(len(seeds), LEVEL)
    measured = []
    for number, theta, trials in replicates:
        by_model = zip(*(trial.outcomes for trial in trials), strict=True)
        outcomes = tuple(_over_seeds(deltas, ratio) for deltas in by_model)
        outcome = aggregate(outcomes, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
        record = theta_record(Trial(theta, outcomes, aggregate=outcome), models, goal)
        error = record.mean_sem
        lower = None if error is None else outcome.mean - surely_above * error
        upper = None if error is None else outcome.mean + surely_below * error
        chance = pooled_feasible_probability(outcomes, goal)
        saves, hopeful = number in savers, False
        if error is not None and len(trials) < len(seeds):
            rows = _row_error(trials, goal.shares)
            most = promise(outcome.mean, error, rows, seeds=len(trials), most=len(seeds))
            best = most.mean - surely_above * most.sem
            hopeful = most.mean >= goal.tau and best > 0
            hopeful |= saves and best > least_mean(goal, saves=True)
        needed = SURE if len(trials) < len(seeds) else LIKELY
        kind = _kind(outcome, goal, lower, chance, saves=saves, needed=needed)
        surely_small = upper is not None and upper < least_mean(goal, saves=saves)
        refused = math.isnan(outcome.mean) or surely_small or chance <= UNLIKELY
        measured.append(
            Replication(
                **dict(record),
                trial=number,
                seeds=tuple(seeds[: len(trials)]),
                by_seed=tuple(_by_model(models, trial) for trial in trials),
                interval=mean_interval(outcomes, goal.shares),
                lower=lower,
                upper=upper,
                feasible_probability=chance,
                decision=_decide(kind, refused=refused, hopeful=hopeful),
                kind=kind,
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


def _kind(
    outcome: Aggregate,
    goal: Goal,
    lower: float | None,
    feasible_probability: float,
    *,
    saves: bool,
    needed: float,
) -> Kind | None:
    """Why a candidate generalizes by this look at it; None where it does not.

    Args:
        lower: Bound of μ, at every look; None where a standard error is unknown.
        needed: P(R <= ε) of a gain.
    """
    above_noise = lower is not None and lower > 0
    if outcome.value >= goal.tau and above_noise and feasible_probability >= needed:
        return "gain"
    unharmed = outcome.feasible and non_inferior(lower, feasible_probability, goal)
    return "saving" if saves and unharmed else None


def _decide(kind: Kind | None, *, refused: bool, hopeful: bool) -> Decision:
    """What this look at a candidate decides.

    Args:
        refused: Whether it surely is of no kind.
        hopeful: Whether more seeds may still let it enter.
    """
    if refused:
        return "does not"
    if kind is not None:
        return "generalizes"
    return "open" if hopeful else "not worth more"


def choose_confirmed(
    measured: Sequence[Replication], savers: Mapping[int, Savings] = {}
) -> Replication | None:
    """The candidate of the largest A among those that gain, else the one that saves most.

    None where none generalizes.

    Args:
        savers: As of `measure`.
    """

    def merit(candidate: Replication) -> tuple[bool, float]:
        gains = candidate.kind == "gain"
        return gains, value_of(candidate) if gains else savers[candidate.trial].largest

    passing = [candidate for candidate in measured if candidate.decision == "generalizes"]
    return max(passing, key=merit, default=None)


def value_of(measured: Replication) -> float:
    """A."""
    return -math.inf if measured.value is None else measured.value


def explain(measured: Replication, goal: Goal, most: int, saved: Savings | None = None) -> str:
    """Why a candidate generalizes or not, in one sentence without its end.

    Args:
        most: How many fresh seeds it might have had.
        saved: What it saves, where that is enough.
    """
    mean, chance = measured.mean, measured.feasible_probability
    count = len(measured.seeds)
    seeds = f"on {count} fresh seeds" if count == most else f"on {count} of {most} fresh seeds"
    if mean is None:
        return f"a model fails {seeds}"
    if saved is not None and measured.kind != "gain" and measured.value is not None:
        return f"{seeds} {explain_saving(saved, measured.lower, chance, goal)}"
    if measured.regression_rate > goal.epsilon:
        return f"{seeds} R = {measured.regression_rate:.2f} is above ε = {goal.epsilon:g}"
    if mean < goal.tau:
        return f"{seeds} A = {mean:+.3f}% is below τ = {goal.tau:g}%"
    if measured.lower is None:
        return f"{seeds} a standard error is unknown, so μ = {mean:+.3f}% may be noise"
    bound = f"{seeds} μ = {mean:+.3f}% is above {measured.lower:+.3f}% with 95% confidence"
    if measured.lower <= 0:
        return f"{bound} only: it may be noise"
    if chance < LIKELY:
        return f"{bound}, but R <= ε = {goal.epsilon:g} has probability {chance:.2f} only"
    return bound


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


def _row_error(trials: Sequence[Trial], shares: Sequence[float]) -> float:
    """The part of μ's standard error that is the rows', and that more seeds leave as it is."""
    squares = [
        _mean_square(deltas) for deltas in zip(*(trial.outcomes for trial in trials), strict=True)
    ]
    error = mean_sem([None if square is None else math.sqrt(square) for square in squares], shares)
    return 0.0 if error is None else error


def _by_model(models: Sequence[str], trial: Trial) -> dict[str, Delta]:
    return dict(zip(models, trial.outcomes, strict=True))
