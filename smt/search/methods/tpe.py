"""θ by Optuna's tree-structured Parzen estimator, with R <= ε as a constraint."""

import math
import warnings
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState, create_trial
from threadpoolctl import threadpool_limits

from smt.search.goal import Goal
from smt.search.state import SearchState
from smt.search.trial import Proposal, Trial
from smt.search.units import in_units, unit_of
from smt.seeds import tpe_seed
from smt.space import Choice, Domain, Int, Theta, drop_inactive


def propose(state: SearchState) -> Proposal:
    """The next θ, of a study made anew from the trials.

    Of each trial the study knows the hyperparameters that are active alone: those of a condition
    are sampled as a group of their own.

    A trial without a μ shows the mean of the deltas it has, and its R: the estimator orders
    infeasible trials by how far R is above ε alone.
    """
    with threadpool_limits(1):
        return Proposal(_ask(in_units(state, unit_of(state))), state.order)


def _ask(state: SearchState) -> Theta:
    encoding = state.encoding
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searched = {name: _distribution(domain) for name, domain in encoding.columns.items()}
    with warnings.catch_warnings():
        # Groups are experimental to Optuna.
        warnings.simplefilter("ignore", ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=tpe_seed(state.seed, len(state.tried)),
            multivariate=True,
            group=bool(encoding.conditions),
        )
    study = optuna.create_study(sampler=sampler, direction="maximize")

    def shown(theta: Theta) -> dict[str, Any]:
        active = {name: domain for name, domain in searched.items() if name in theta}
        return {"params": {name: theta[name] for name in active}, "distributions": active}

    for trial in state.trials:
        study.add_trial(
            create_trial(
                **shown(trial.theta),
                value=_mean(trial, state.goal),
                constraints={"regressions": _rate(trial) - state.goal.epsilon},
            )
        )
    for theta in state.pending:
        study.add_trial(create_trial(state=TrialState.RUNNING, **shown(theta)))
    asked = study.ask(searched).params
    return drop_inactive({**encoding.fixed, **asked}, state.space)


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Int):
        return IntDistribution(domain.low, domain.high, log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _rate(trial: Trial) -> float:
    """R; 1 where a model failed, which no ε allows."""
    failed = any(delta.status == "failed" for delta in trial.outcomes)
    return 1.0 if failed else trial.aggregate.regression_rate


def _mean(trial: Trial, goal: Goal) -> float:
    if math.isfinite(trial.aggregate.mean):
        return trial.aggregate.mean
    known = [delta.value for delta in trial.outcomes if delta.value is not None]
    return sum(known) / len(known) if known else -goal.alpha
