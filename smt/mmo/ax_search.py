"""θ by Ax: μ as the objective, R as an outcome constraint, each with its standard error."""

import logging
import math
import warnings
from collections.abc import Sequence

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.exceptions.core import SearchSpaceExhausted
from ax.utils.common.logger import set_ax_logger_levels
from scipy.stats import norm

from smt.mmo.aggregate import mean_sem
from smt.mmo.encoding import Encoding
from smt.mmo.goal import Goal
from smt.mmo.trial import Trial
from smt.spec import digest
from smt.template.space import Choice, Domain, Int, Theta

# Ax's own default: the centre of the space and four quasi-random points, then the surrogate.
INITIAL_TRIALS = 5


def propose_ax(
    encoding: Encoding, trials: Sequence[Trial], pending: Sequence[Theta], goal: Goal, *, seed: int
) -> Theta | None:
    """The next θ; None where Ax knows of no other.

    A of -inf is never shown to the surrogate: it learns from μ and R. A trial without a μ
    (a model failed, or evaluation stopped early) shows its R alone. The experiment is made anew
    each time, so that a proposal is a pure function of its arguments.
    """
    searched = encoding.columns
    number = len(trials) + len(pending)
    observed = [trial for trial in trials if math.isfinite(trial.aggregate.mean)]
    quasi_random = number < INITIAL_TRIALS or len(observed) < 2
    set_ax_logger_levels(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = _client(searched, goal.epsilon, quasi_random, seed, number)
        for trial, outcome in zip(trials, _outcomes(trials, goal), strict=True):
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
    return {**encoding.fixed, **_decode(next(iter(proposed.values())), searched)}


def _client(
    searched: dict[str, Domain], epsilon: float, quasi_random: bool, seed: int, number: int
) -> Client:
    client = Client(random_seed=int(digest([seed, number]), 16) % 2**31)
    client.configure_experiment(
        parameters=[_parameter(name, domain) for name, domain in searched.items()]
    )
    client.configure_optimization(
        objective="mean", outcome_constraints=[f"regression_rate <= {epsilon}"]
    )
    if quasi_random:
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


def _outcomes(trials: Sequence[Trial], goal: Goal) -> list[dict[str, tuple[float, float | None]]]:
    """What Ax is told of each trial: value and standard error (None unknown, 0 noiseless).

    Ax wants the errors of all trials or of none, by metric.
    """
    outcomes: list[dict[str, tuple[float, float | None]]] = []
    for trial in trials:
        outcome = {
            "regression_rate": (trial.aggregate.regression_rate, _rate_sem(trial, goal.alpha))
        }
        if math.isfinite(trial.aggregate.mean):
            outcome["mean"] = (trial.aggregate.mean, mean_sem(trial.sems, goal.shares))
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
