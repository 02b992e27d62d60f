"""One technique's search in this process, for any Python function: no Ray, no networks."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from smt.errors import InputError
from smt.mmo.aggregate import Aggregate, aggregate, normalise_weights, regressed
from smt.mmo.search import Method, propose
from smt.mmo.trial import Trial
from smt.template.space import Space, Theta


@dataclass(frozen=True)
class Optimization:
    """The outcome of a search.

    Attributes:
        best_theta: θ*, arg max of A over the trials (Eq. 5); None where none was feasible.
        best: Its aggregate.
        trials: All trials, in order.
        evaluations: How often `evaluate` was called.
    """

    best_theta: Theta | None
    best: Aggregate | None
    trials: tuple[Trial, ...]
    evaluations: int


def optimize(
    space: Space,
    evaluate: Callable[[Theta, Hashable], float | tuple[float, float]],
    *,
    models: Sequence[Hashable],
    weights: Sequence[float] | None = None,
    trials: int,
    alpha: float = 0.05,
    epsilon: float = 0.1,
    method: Method = "ax",
    early_rejection: bool = True,
    seed: int = 0,
) -> Optimization:
    """Search the θ that helps the models most on average while at most ε of them regress.

    Args:
        space: name -> `Float`, `Int` or `Choice`.
        evaluate: `(theta, model)` -> delta in percent, or `(delta, standard error)`. NaN
            means that the model failed; it counts as a regression.
        trials: How many θ to try; fewer are tried where the space has fewer points.
        early_rejection: Stop a trial once more than ε of the models have regressed: A is
            -inf whatever the others would give.

    Raises:
        InputError: trials < 1, an unknown method, or weights that do not fit.
        RuntimeError: `evaluate` raised; names θ and the model, and holds the trials before
            it as `trials`.
    """
    check_search(trials, method)
    shares = normalise_weights(weights, len(models))
    done: list[Trial] = []
    evaluations = 0
    while len(done) < trials:
        theta = propose(
            space, done, [], shares=shares, alpha=alpha, epsilon=epsilon, method=method, seed=seed
        )
        if theta is None:
            break
        deltas: list[float | None] = [None] * len(models)
        sems: list[float | None] = [None] * len(models)
        for index, model in enumerate(models):
            evaluations += 1
            deltas[index], sems[index] = _evaluate(evaluate, theta, model, done)
            known = sum(regressed(delta, alpha) for delta in deltas)
            if early_rejection and known / len(models) > epsilon:
                break
        outcome = aggregate(deltas, shares, alpha=alpha, epsilon=epsilon)
        done.append(Trial(theta, tuple(deltas), tuple(sems), outcome))
    best = best_trial(done)
    return Optimization(
        best_theta=None if best is None else best.theta,
        best=None if best is None else best.aggregate,
        trials=tuple(done),
        evaluations=evaluations,
    )


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the largest A (Eq. 5), the first of equals; None where none is feasible."""
    feasible = [trial for trial in trials if trial.aggregate.feasible]
    return max(feasible, key=lambda trial: trial.aggregate.value, default=None)


def check_search(trials: int, method: str) -> None:
    """Raise `InputError` for a search that cannot be run."""
    if trials < 1:
        raise InputError(f"trials is {trials}; at least 1 is needed")
    if method not in ("ax", "sobol"):
        raise InputError(f"unknown method '{method}'; known: ax, sobol")


def _evaluate(
    evaluate: Callable[[Theta, Hashable], float | tuple[float, float]],
    theta: Theta,
    model: Hashable,
    done: list[Trial],
) -> tuple[float, float | None]:
    try:
        found = evaluate(theta, model)
    except Exception as error:
        failure = RuntimeError(f"evaluate raised at theta {theta}, model {model!r}: {error!r}")
        failure.trials = tuple(done)  # type: ignore[attr-defined]
        raise failure from error
    if isinstance(found, tuple):
        delta, sem = found
        return float(delta), None if math.isnan(sem) else float(sem)
    return float(found), None
