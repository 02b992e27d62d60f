"""A technique's part of the result of a generalization."""

import math
import warnings
from collections.abc import Sequence

from smt.fleet import ModelSpec
from smt.mmo.sensitivity.sensitivity import analyze_sensitivity
from smt.mmo.verdict.conclusion import TechniqueResult, Verdict
from smt.mmo.verdict.confirmation import Measured
from smt.mmo.verdict.holdout import explain_holdout
from smt.mmo.verdict.significance import mean_interval, pooled_feasible_probability
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import (
    HoldoutRecord,
    Interval,
    Replication,
    ShownTrial,
    TechniqueRecord,
    ThetaRecord,
    TrialRecord,
)
from smt.search.aggregate import mean_sem
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.settings import Settings
from smt.search.trial import Trial


def technique_record(
    result: TechniqueResult, models: Sequence[ModelSpec], settings: Settings
) -> TechniqueRecord:
    """What is written of a technique.

    Args:
        models: The representatives.
    """
    goal, verdict = settings.goal(models), result.verdict
    trials = tuple(
        TrialRecord(
            **dict(_theta_record(trial, models, goal)), number=number, skipped=trial.skipped
        )
        for number, trial in enumerate(result.trials)
    )
    confirmation = tuple(_replication(measured, models, goal) for measured in verdict.confirmation)
    return TechniqueRecord(
        name=result.technique.name,
        source=result.technique.source,
        generalizes=verdict.generalizes,
        reason=verdict.reason,
        feasible=result.best is not None,
        stopped=result.stopped,
        paper=None if result.paper is None else _number(result.paper, result.trials),
        paper_generalizes=result.paper is not None and result.paper.aggregate.value >= settings.tau,
        estimate=result.estimate,
        shown=_shown(result, trials, confirmation, goal),
        confirmation=confirmation,
        holdout=_holdout(verdict, settings),
        sensitivity=_sensitivity(result, models, settings),
        trials=trials,
    )


def _theta_record(tried: Trial | Measured, models: Sequence[ModelSpec], goal: Goal) -> ThetaRecord:
    deltas, outcome = tried.outcomes, tried.aggregate
    helped = sum(delta.value is not None and delta.value > goal.alpha for delta in deltas)
    regressed = sum(delta.regressed(goal.alpha) for delta in deltas)
    evaluated = sum(delta.status != "not_evaluated" for delta in deltas)
    return ThetaRecord(
        theta=tried.theta,
        value=_finite(outcome.value),
        mean=_finite(outcome.mean),
        mean_sem=mean_sem([delta.sem for delta in deltas], goal.shares),
        regression_rate=outcome.regression_rate,
        helped=helped,
        neutral=evaluated - helped - regressed,
        regressed=regressed,
        deltas=_by_model(models, deltas),
    )


def _replication(measured: Measured, models: Sequence[ModelSpec], goal: Goal) -> Replication:
    return Replication(
        **dict(_theta_record(measured, models, goal)),
        trial=measured.trial,
        seeds=measured.seeds,
        interval=measured.interval,
        lower=measured.lower,
        feasible_probability=measured.feasible_probability,
        by_seed=tuple(_by_model(models, trial.outcomes) for trial in measured.replicates),
    )


def _shown(
    result: TechniqueResult,
    trials: Sequence[TrialRecord],
    confirmation: Sequence[Replication],
    goal: Goal,
) -> ShownTrial:
    """What the verdict rests on: numbers on fresh seeds, where there are some."""
    number = result.verdict.number
    trial = _nearest_to_feasible(trials) if number is None else trials[number]
    confirmed = next((again for again in confirmation if again.trial == number), None)
    if confirmed is None:
        interval, chance = _of_search(result.trials[trial.number], goal)
        return ShownTrial(
            **dict(trial), source="search", interval=interval, feasible_probability=chance
        )
    on_fresh_seeds = {name: getattr(confirmed, name) for name in ThetaRecord.model_fields}
    return ShownTrial(
        **{**dict(trial), **on_fresh_seeds},
        source="fresh seeds",
        interval=confirmed.interval,
        feasible_probability=confirmed.feasible_probability,
    )


def _nearest_to_feasible(trials: Sequence[TrialRecord]) -> TrialRecord:
    """What to show of a technique without a feasible θ: the least R, then the largest μ."""

    def badness(trial: TrialRecord) -> tuple[float, float]:
        return trial.regression_rate, math.inf if trial.mean is None else -trial.mean

    return min(trials, key=badness)


def _of_search(trial: Trial, goal: Goal) -> tuple[Interval | None, float | None]:
    """95% interval of μ and P(R <= ε), of one seed alone; None where a model is missing."""
    if trial.skipped:
        return None, None
    outcomes = trial.outcomes
    chance = pooled_feasible_probability(outcomes, alpha=goal.alpha, epsilon=goal.epsilon)
    return mean_interval(outcomes, goal.shares), chance


def _holdout(verdict: Verdict, settings: Settings) -> HoldoutRecord | None:
    if verdict.holdout is None:
        return None
    models = verdict.holdout_models
    goal = settings.goal(models)
    return HoldoutRecord(
        **dict(_replication(verdict.holdout, models, goal)),
        passes=verdict.generalizes,
        reason=explain_holdout(verdict.holdout, models, goal),
    )


def _sensitivity(
    result: TechniqueResult, models: Sequence[ModelSpec], settings: Settings
) -> dict[str, HyperparameterSensitivity]:
    """Eq. 7 over the feasible trials; what they cannot tell is undecided, with the reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        analyzed = analyze_sensitivity(
            result.trials,
            result.technique.space,
            weights=[model.weight for model in models],
            alpha=settings.alpha,
            tau=max(settings.tau, 0.0),
        )
    return {name: sensitivity.to_record() for name, sensitivity in analyzed.items()}


def _number(trial: Trial, trials: Sequence[Trial]) -> int:
    return next(number for number, tried in enumerate(trials) if tried is trial)


def _by_model(models: Sequence[ModelSpec], deltas: Sequence[Delta]) -> dict[str, Delta]:
    return {model.name: delta for model, delta in zip(models, deltas, strict=True)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
