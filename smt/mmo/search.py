"""Which θ to try next.

A proposal is a pure function of the trials before it and the seed: the Ax experiment is
made anew for each, so a search can stop anywhere and go on as if it had not.
"""

import logging
import math
import warnings
from collections.abc import Sequence
from typing import Literal

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.exceptions.core import SearchSpaceExhausted
from ax.utils.common.logger import set_ax_logger_levels
from scipy.stats import norm

from smt.mmo.aggregate import mean_sem
from smt.mmo.trial import Trial
from smt.spec import digest
from smt.template.space import Choice, Domain, Int, Space, Theta
from smt.threads import one_thread

Method = Literal["ax", "sobol"]
# Ax's own default: the centre of the space and four quasi-random points, then the surrogate.
INITIAL_TRIALS = 5


def propose(
    space: Space,
    trials: Sequence[Trial],
    pending: Sequence[Theta],
    *,
    shares: Sequence[float],
    alpha: float,
    epsilon: float,
    method: Method,
    seed: int,
) -> Theta | None:
    """The next θ: Ax maximises μ subject to R <= ε, each with its standard error.

    A of -inf is never shown to the surrogate: it learns from μ and R. A trial without a μ
    (a model failed, or evaluation stopped early) shows its R alone.

    Args:
        trials: Finished ones, in order.
        pending: Points tried at the moment, whose outcome is not known.
        shares: The models' weights, summing to 1.
        method: "ax" is `INITIAL_TRIALS` quasi-random points, then Bayesian optimisation.
            "sobol" is quasi-random points throughout.

    Returns:
        A point of the space, or None where all of its points have been tried.
    """
    fixed = {
        name: domain.values[0]
        for name, domain in space.items()
        if isinstance(domain, Choice) and len(domain.values) == 1
    }
    searched = {name: domain for name, domain in space.items() if name not in fixed}
    if not searched:
        return None if trials or pending else fixed
    number = len(trials) + len(pending)
    if number >= _count_points(searched):
        tried = {str(_encode(theta, searched)) for theta in [*(t.theta for t in trials), *pending]}
        if len(tried) >= _count_points(searched):
            return None
    observed = [trial for trial in trials if math.isfinite(trial.aggregate.mean)]
    random_phase = method == "sobol" or number < INITIAL_TRIALS or len(observed) < 2
    set_ax_logger_levels(logging.ERROR)
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        client = _client(searched, epsilon, random_phase, seed, number)
        for trial, outcome in zip(trials, _outcomes(trials, shares, alpha), strict=True):
            index = client.attach_trial(_encode(trial.theta, searched))
            client.complete_trial(index, outcome)
        for theta in pending:
            client.attach_trial(_encode(theta, searched))
        try:
            proposed = client.get_next_trials(max_trials=1)
        except SearchSpaceExhausted:
            return None
    if not proposed:
        return None
    return {**fixed, **_decode(next(iter(proposed.values())), searched)}


def _count_points(searched: dict[str, Domain]) -> float:
    """How many points a space has."""
    counts = []
    for domain in searched.values():
        if isinstance(domain, Choice):
            counts.append(float(len(domain.values)))
        else:
            counts.append(domain.high - domain.low + 1 if isinstance(domain, Int) else math.inf)
    return math.prod(counts)


def _client(
    searched: dict[str, Domain], epsilon: float, random_phase: bool, seed: int, number: int
) -> Client:
    client = Client(random_seed=int(digest([seed, number]), 16) % 2**31)
    client.configure_experiment(
        parameters=[_parameter(name, domain) for name, domain in searched.items()]
    )
    client.configure_optimization(
        objective="mean", outcome_constraints=[f"regression_rate <= {epsilon}"]
    )
    if random_phase:
        client.configure_generation_strategy(
            method="random_search", initialization_random_seed=seed
        )
    else:
        client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
    return client


def _parameter(name: str, domain: Domain) -> RangeParameterConfig | ChoiceParameterConfig:
    if isinstance(domain, Choice):
        # By number: Ax wants values of one type, and a bool is no choice to it.
        numbers = [str(number) for number in range(len(domain.values))]
        return ChoiceParameterConfig(
            name=name, values=numbers, parameter_type="str", is_ordered=False
        )
    return RangeParameterConfig(
        name=name,
        bounds=(domain.low, domain.high),
        parameter_type="int" if isinstance(domain, Int) else "float",
        scaling="log" if domain.log else "linear",
    )


def _encode(theta: Theta, searched: dict[str, Domain]) -> Theta:
    return {
        name: str(domain.values.index(theta[name])) if isinstance(domain, Choice) else theta[name]
        for name, domain in searched.items()
    }


def _decode(parameters: dict[str, object], searched: dict[str, Domain]) -> Theta:
    return {
        name: domain.values[int(str(parameters[name]))]
        if isinstance(domain, Choice)
        else parameters[name]
        for name, domain in searched.items()
    }


def _outcomes(
    trials: Sequence[Trial], shares: Sequence[float], alpha: float
) -> list[dict[str, tuple[float, float | None]]]:
    """What Ax is told of each trial: value and standard error (None unknown, 0 noiseless).

    Ax wants the errors of all trials or of none, by metric.
    """
    outcomes: list[dict[str, tuple[float, float | None]]] = []
    for trial in trials:
        outcome = {"regression_rate": (trial.aggregate.regression_rate, _rate_sem(trial, alpha))}
        if math.isfinite(trial.aggregate.mean):
            outcome["mean"] = (trial.aggregate.mean, mean_sem(trial.sems, shares))
        outcomes.append(outcome)
    unknown = {
        metric for outcome in outcomes for metric, (_, sem) in outcome.items() if sem is None
    }
    return [
        {
            metric: (value, None if metric in unknown else sem)
            for metric, (value, sem) in outcome.items()
        }
        for outcome in outcomes
    ]


def _rate_sem(trial: Trial, alpha: float) -> float | None:
    """Standard error of R: each model regresses or not with the chance its delta's noise gives."""
    variance = 0.0
    for delta, sem in zip(trial.deltas, trial.sems, strict=True):
        if delta is None or math.isnan(delta):
            continue
        if sem is None:
            return None
        if sem > 0:
            chance = float(norm.cdf((-alpha - delta) / sem))
            variance += chance * (1 - chance)
    return math.sqrt(variance) / len(trial.deltas)
