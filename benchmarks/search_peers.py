"""Ray Tune's stock searchers, maximising A over all models of every trial.

They are driven as Tune drives them, one trial at a time, without a cluster. An infeasible
trial reports A as it is, -inf: OptunaSearch takes it for the worst of values.
"""

import logging
import math
from collections.abc import Callable
from typing import Any

import optuna
from ax.utils.common.logger import set_ax_logger_levels
from ray import tune
from ray.tune.search import Searcher
from ray.tune.search.ax import AxSearch
from ray.tune.search.optuna import OptunaSearch
from search_fleets import ALPHA, EPSILON, SimulatedFleet

from smt.search.aggregate import aggregate
from smt.space import Choice, Domain, Float, Space, Theta

Evaluate = Callable[[Theta, Any], tuple[float, float]]

peers: dict[str, Callable[[int], Searcher]] = {
    "tune_optuna": lambda seed: OptunaSearch(seed=seed),
    "tune_ax": lambda seed: AxSearch(random_seed=seed, verbose_logging=False),
}


def construct(peer: str, space: Space, seed: int) -> Searcher:
    """A searcher that knows its space. Raises whatever its library raises."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    set_ax_logger_levels(logging.ERROR)
    searcher = peers[peer](seed)
    config = {name: tune_domain(domain) for name, domain in space.items()}
    searcher.set_search_properties("A", "max", config)
    return searcher


def search_with(
    searcher: Searcher, fleet: SimulatedFleet, evaluate: Evaluate, trials: int
) -> Theta | None:
    """Run the trials; the θ of the largest measured A, None where none was feasible."""
    best, highest = None, -math.inf
    for number in range(trials):
        theta: Theta | None = searcher.suggest(str(number))
        if theta is None:
            break
        deltas = [evaluate(theta, model)[0] for model in fleet.models]
        value = aggregate(deltas, fleet.weights.tolist(), alpha=ALPHA, epsilon=EPSILON).value
        searcher.on_trial_complete(str(number), {"A": value})
        if value > highest:
            best, highest = theta, value
    return best


def tune_domain(domain: Domain) -> Any:
    """A domain as Tune has it; Tune's whole numbers end before their upper bound."""
    if isinstance(domain, Choice):
        return tune.choice(list(domain.values))
    if isinstance(domain, Float):
        return (tune.loguniform if domain.log else tune.uniform)(domain.low, domain.high)
    return (tune.lograndint if domain.log else tune.randint)(domain.low, domain.high + 1)
