"""A technique's part of the result of a generalization."""

import math
import warnings
from collections.abc import Sequence

from smt.mmo.sensitivity.own_choice import gain_of_own_choice
from smt.mmo.sensitivity.sensitivity import analyze_sensitivity
from smt.mmo.verdict.conclusion import TechniqueResult, number_of
from smt.mmo.verdict.confirmation import theta_record
from smt.mmo.verdict.significance import mean_interval, pooled_feasible_probability
from smt.results.sensitivity import HyperparameterSensitivity
from smt.results.technique import Interval, ShownTrial, TechniqueRecord, ThetaRecord, TrialRecord
from smt.search.goal import Goal
from smt.search.settings import Settings
from smt.search.trial import Trial


def technique_record(result: TechniqueResult, settings: Settings) -> TechniqueRecord:
    """What is written of a technique."""
    goal, verdict = settings.goal(result.models), result.verdict
    names = [model.name for model in result.models]
    trials = tuple(
        TrialRecord(
            **dict(theta_record(trial, names, goal)),
            number=number,
            skipped=trial.skipped,
            savings=result.savings.get(number),
            growth=result.growths.get(number),
        )
        for number, trial in enumerate(result.trials)
    )
    return TechniqueRecord(
        name=result.technique.name,
        source=result.technique.source,
        generalizes=verdict.generalizes,
        kind=verdict.kind,
        reason=verdict.reason,
        feasible=result.paper is not None,
        stopped=result.stopped,
        paper=None if result.paper is None else number_of(result.paper, result.trials),
        paper_generalizes=result.paper is not None and result.paper.aggregate.value >= settings.tau,
        estimate=result.estimate,
        shown=_shown(result, trials, goal),
        confirmation=verdict.confirmation,
        holdout=verdict.holdout,
        sensitivity=_sensitivity(result, settings),
        trials=trials,
    )


def _shown(result: TechniqueResult, trials: Sequence[TrialRecord], goal: Goal) -> ShownTrial:
    """What the verdict rests on: numbers on fresh seeds, where there are some."""
    number, confirmation = result.verdict.number, result.verdict.confirmation
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
    return min(trials, key=lambda t: (t.regression_rate, math.inf if t.mean is None else -t.mean))


def _of_search(trial: Trial, goal: Goal) -> tuple[Interval | None, float | None]:
    """95% interval of μ and P(R <= ε), of one seed alone; None where a model is missing."""
    if trial.skipped:
        return None, None
    outcomes = trial.outcomes
    return mean_interval(outcomes, goal.shares), pooled_feasible_probability(outcomes, goal)


def _sensitivity(
    result: TechniqueResult, settings: Settings
) -> dict[str, HyperparameterSensitivity]:
    """Eq. 7; what the trials cannot tell is undecided, with the reason.

    Of a technique that does not generalize over all its θ, and nothing is exposed where even
    each model's own choice would gain less than τ.
    """
    goal, tau = settings.goal(result.models), max(settings.tau, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        advice = analyze_sensitivity(
            result.trials,
            result.technique.space,
            weights=goal.shares,
            alpha=goal.alpha,
            tau=tau,
            feasible_only=result.verdict.generalizes,
        )
    if result.verdict.generalizes:
        return advice
    outcomes = [trial.outcomes for trial in result.trials]
    gain = gain_of_own_choice(outcomes, goal.shares, goal.alpha)
    if gain >= tau:
        return advice
    little = f"even each model's own best θ gains {gain:+.3g}% only, below τ = {tau:g}%"
    return {
        name: known.model_copy(update={"decision": "standardize", "domain": None, "reason": little})
        if known.decision == "expose"
        else known
        for name, known in advice.items()
    }
