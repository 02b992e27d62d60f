"""A search as an Ax experiment: for Ax to propose, and saved so that Ax's own analyses open it."""

import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.api.utils.instantiation.from_config import parameter_from_config
from ax.core import Data, Experiment, SearchSpace
from ax.core.evaluations_to_data import raw_evaluations_to_data
from ax.utils.common.logger import set_ax_logger_levels
from scipy.stats import norm

from smt.search.aggregate import mean_sem
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.space import Choice, Domain, Float, Int, Theta, drop_inactive

# Ax refuses ranges below 1.5e-5, as numbers that its own tolerance blurs.
NARROW = 1e-4


def make_experiment(
    encoding: Encoding,
    trials: Sequence[Trial],
    goal: Goal,
    *,
    seed: int,
    models: Sequence[str] = (),
) -> Client:
    """The trials as an Ax client.

    Metrics: `mean` (μ, the objective) and `regression_rate` (R, at most ε), each with its standard
    error; of named models, their deltas too. A of -inf is never shown: a trial without a μ (a
    model failed, or evaluation stopped early) shows the rest alone. A choice is the number of its
    value, as text; what cannot vary is no parameter; what is not active has the middle of its
    domain, or the first choice. A `rate` of a range too narrow for Ax is `rate_in_1e-06`.

    Args:
        models: Names, in the order of the trials' deltas; none leaves deltas out.
    """
    parameters = [
        parameter_from_config(_parameter(name, domain)) for name, domain in encoding.columns.items()
    ]
    experiment = Experiment(search_space=SearchSpace(parameters))
    client = Client(random_seed=seed)
    client.set_experiment(experiment)
    client.configure_optimization(
        objective="mean", outcome_constraints=[f"regression_rate <= {goal.epsilon}"]
    )
    if models:
        client.configure_tracking_metrics([*models])
    signatures = {name: metric.signature for name, metric in experiment.metrics.items()}
    told = []
    for trial, outcome in zip(trials, _outcomes(trials, goal), strict=True):
        (arm,), number = experiment.attach_trial([encode(trial.theta, encoding)])
        told.append(
            raw_evaluations_to_data(
                {arm: {**outcome, **_deltas(trial, models)}}, signatures, trial_index=number
            )
        )
        experiment.trials[number].mark_completed()
    if told:
        # In one go: the client's `complete_trial` sorts all that it was told before, every time.
        experiment.attach_data(Data.from_multiple_data(told))
    return client


def experiment_json(
    encoding: Encoding, trials: Sequence[Trial], goal: Goal, models: Sequence[str]
) -> bytes:
    """What `ax.api.client.Client.load_from_json_file` reads; see `make_experiment`."""
    with tempfile.TemporaryDirectory(prefix="smt-ax-") as scratch, quiet_ax():
        path = Path(scratch) / "client.json"
        client = make_experiment(encoding, trials, goal, seed=0, models=models)
        # Ax's analyses ask for one, if only to read its surrogate.
        client.configure_generation_strategy()
        client.save_to_json_file(str(path))
        return path.read_bytes()


@contextmanager
def quiet_ax() -> Iterator[None]:
    """Without Ax's remarks on every trial."""
    set_ax_logger_levels(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def encode(theta: Theta, encoding: Encoding) -> Theta:
    """θ as Ax is told it."""
    whole = {**encoding.decode_all(encoding.encode([theta])[0]), **theta}
    return {
        _name(name, domain): _told(whole[name], domain) for name, domain in encoding.columns.items()
    }


def decode(parameters: dict[str, object], encoding: Encoding) -> Theta:
    """What `encode` was given."""
    chosen = {
        name: _meant(parameters[_name(name, domain)], domain)
        for name, domain in encoding.columns.items()
    }
    return drop_inactive({**encoding.fixed, **chosen}, encoding.space)


def _parameter(name: str, domain: Domain) -> RangeParameterConfig | ChoiceParameterConfig:
    if isinstance(domain, Choice):
        # By number: Ax wants values of one type, and a bool is no choice to it.
        numbers = [str(number) for number in range(len(domain.values))]
        return ChoiceParameterConfig(
            name=name, values=numbers, parameter_type="str", is_ordered=False
        )
    return RangeParameterConfig(
        name=_name(name, domain),
        bounds=(_told(domain.low, domain), _told(domain.high, domain)),
        parameter_type="int" if isinstance(domain, Int) else "float",
        scaling="log" if domain.log else "linear",
    )


def _name(name: str, domain: Domain) -> str:
    unit = _unit(domain)
    return name if unit == 1 else f"{name}_in_{unit:g}"


def _told(value: Any, domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return str(domain.values.index(value))
    return value if isinstance(domain, Int) else value / _unit(domain)


def _meant(value: Any, domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return domain.values[int(value)]
    if isinstance(domain, Int):
        return value
    return min(max(value * _unit(domain), domain.low), domain.high)


def _unit(domain: Domain) -> float:
    """What a value is told in multiples of: a power of ten, where Ax refuses so narrow a range."""
    if not isinstance(domain, Float) or domain.high - domain.low >= NARROW:
        return 1.0
    return float(10.0 ** math.floor(math.log10(domain.high - domain.low)))


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
    for delta in trial.outcomes:
        if delta.value is None:
            continue
        if delta.sem is None:
            return None
        if delta.sem > 0:
            chance = float(norm.cdf((-alpha - delta.value) / delta.sem))
            variance += chance * (1 - chance)
    return math.sqrt(variance) / len(trial.outcomes)


def _deltas(trial: Trial, models: Sequence[str]) -> dict[str, tuple[float, float | None]]:
    if not models:
        return {}
    return {
        model: (delta.value, delta.sem)
        for model, delta in zip(models, trial.outcomes, strict=True)
        if delta.value is not None
    }
