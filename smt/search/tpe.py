"""θ by Optuna's tree-structured Parzen estimator, with R <= ε as a constraint."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

from smt.errors import InputError
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.seeds import tpe_seed
from smt.space import Choice, Domain, Int, Theta, drop_inactive


def require_optuna() -> None:
    """Raise `InputError` where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise InputError(
            "method 'tpe' needs Optuna, which is not installed; install it by "
            "pip install -c constraints.txt optuna, or choose method 'composite'"
        ) from None


def propose_tpe(
    encoding: Encoding, trials: Sequence[Trial], pending: Sequence[Theta], goal: Goal, *, seed: int
) -> Theta:
    """The next θ, of a study made anew from the trials.

    Of each trial the study knows the hyperparameters that are active alone: those of a condition
    are sampled as a group of their own.

    A trial without a μ shows the mean of the deltas it has, and its R: the estimator orders
    infeasible trials by how far R is above ε alone.
    """
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.exceptions import ExperimentalWarning
    from optuna.trial import TrialState, create_trial

    def distribution(domain: Domain) -> BaseDistribution:
        if isinstance(domain, Choice):
            return CategoricalDistribution(domain.values)
        if isinstance(domain, Int):
            return IntDistribution(domain.low, domain.high, log=domain.log)
        return FloatDistribution(domain.low, domain.high, log=domain.log)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searched = {name: distribution(domain) for name, domain in encoding.columns.items()}
    number = len(trials) + len(pending)
    with warnings.catch_warnings():
        # Groups are experimental to Optuna.
        warnings.simplefilter("ignore", ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=tpe_seed(seed, number), multivariate=True, group=bool(encoding.conditions)
        )
    study = optuna.create_study(sampler=sampler, direction="maximize")

    def shown(theta: Theta) -> dict[str, Any]:
        active = {name: domain for name, domain in searched.items() if name in theta}
        return {"params": {name: theta[name] for name in active}, "distributions": active}

    for trial in trials:
        study.add_trial(
            create_trial(
                **shown(trial.theta),
                value=_mean(trial, goal),
                constraints={"regressions": _rate(trial) - goal.epsilon},
            )
        )
    for theta in pending:
        study.add_trial(create_trial(state=TrialState.RUNNING, **shown(theta)))
    return drop_inactive({**encoding.fixed, **study.ask(searched).params}, encoding.space)


def _rate(trial: Trial) -> float:
    """R; 1 where a model failed, which no ε allows."""
    failed = any(delta is not None and math.isnan(delta) for delta in trial.deltas)
    return 1.0 if failed else trial.aggregate.regression_rate


def _mean(trial: Trial, goal: Goal) -> float:
    if math.isfinite(trial.aggregate.mean):
        return trial.aggregate.mean
    known = [delta for delta in trial.deltas if delta is not None and math.isfinite(delta)]
    return sum(known) / len(known) if known else -goal.alpha
