"""One technique's search in this process, for any Python function: no Ray, no networks."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from smt.errors import InputError
from smt.search.aggregate import Aggregate, aggregate, regressed
from smt.search.composite import Estimate, estimate, recommend
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.propose import Method, check_method, propose
from smt.search.trial import Proposal, Trial, spent
from smt.search.warm_start import check_earlier
from smt.seeds import check_seed
from smt.space import Space, Theta, check_space

Evaluate = Callable[[Theta, Hashable], float | tuple[float, float]]


@dataclass(frozen=True)
class Optimization:
    """The outcome of a search.

    Attributes:
        best_theta: θ*. By method "composite" the largest μ that is surely feasible
            (`smt.search.composite.recommend`), by the others `paper_theta`. None where no trial
            was feasible.
        best: Its aggregate, as observed.
        trials: All trials, in order.
        evaluations: How often `evaluate` was called.
        paper_theta: Arg max of A over the trials (Eq. 5).
        estimate: What the surrogate thinks of `best_theta`; None without a surrogate.
        stopped: Why the search ended before `trials` trials; None where it did not.
    """

    best_theta: Theta | None
    best: Aggregate | None
    trials: tuple[Trial, ...]
    evaluations: int
    paper_theta: Theta | None
    estimate: Estimate | None
    stopped: str | None


def optimize(
    space: Space,
    evaluate: Evaluate,
    *,
    models: Sequence[Hashable],
    weights: Sequence[float] | None = None,
    trials: int,
    max_evaluations: int | None = None,
    alpha: float = 0.05,
    epsilon: float = 0.1,
    tau: float = 0.05,
    method: Method = "composite",
    early_rejection: bool = True,
    early_stopping: bool = False,
    seed: int = 0,
    earlier: Sequence[Trial] = (),
) -> Optimization:
    """Search the θ that helps the models most on average while at most ε of them regress.

    Args:
        space: name -> `Float`, `Int` or `Choice`.
        evaluate: `(theta, model)` -> delta in percent, or `(delta, standard error)`. NaN, or an
            infinite delta, means that the model failed; it counts as a regression.
        trials: How many θ to try; fewer are tried where the space has fewer points.
        max_evaluations: No trial begins once so many are made; None for no limit.
        tau: Percent; what is worth finding. Used to stop early alone.
        method: See `smt.search.propose.propose`.
        early_rejection: Stop a trial once more than ε of the models have regressed: A is
            -inf whatever the others would give. Models likelier to regress come first. Method
            "composite" finishes such a trial where it took it for likely feasible: the other
            deltas tell where the edge is.
        early_stopping: Stop the search once a further trial is unlikely to gain, or no θ is
            likely to reach τ; method "composite" knows.
        earlier: Trials of other runs, to start warm; see `smt.search.propose.propose`.

    Raises:
        InputError: trials or max_evaluations < 1, an unknown method, a threshold that cannot be, a
            condition that cannot be met, or weights or earlier trials that do not fit.
        RuntimeError: `evaluate` raised, or returned no delta; names θ and the model, and holds the
            trials before it as `trials`.
    """
    check_search(trials, method)
    if max_evaluations is not None and max_evaluations < 1:
        raise InputError(f"max_evaluations is {max_evaluations}; at least 1 is needed")
    check_space(space, "space")
    check_seed(seed)
    goal = Goal.over(len(models), weights, alpha=alpha, epsilon=epsilon, tau=tau)
    done: list[Trial] = []
    stopped = None
    while len(done) < trials:
        stopped = spent(done, max_evaluations)
        if stopped is not None:
            break
        proposal = propose(
            space,
            done,
            [],
            goal,
            method=method,
            seed=seed,
            earlier=earlier,
            early_stopping=early_stopping,
        )
        if proposal is None:
            stopped = "all points of the space are tried"
            break
        if proposal.stop is not None:
            stopped = proposal.stop
            break
        done.append(_run(evaluate, models, proposal, goal, early_rejection, done))
    paper = best_trial(done)
    estimates = judge(space, done, goal, method=method, seed=seed, earlier=earlier)
    best, found = choose(done, estimates)
    return Optimization(
        best_theta=None if best is None else best.theta,
        best=None if best is None else best.aggregate,
        trials=tuple(done),
        evaluations=sum(trial.evaluations for trial in done),
        paper_theta=None if paper is None else paper.theta,
        estimate=found,
        stopped=stopped,
    )


def judge(
    space: Space,
    trials: Sequence[Trial],
    goal: Goal,
    *,
    method: Method,
    seed: int,
    earlier: Sequence[Trial] = (),
) -> list[Estimate]:
    """What the surrogate thinks of each trial; nothing where the method has none.

    Earlier trials, see `smt.search.propose.propose`, inform the estimates.
    """
    check_earlier(earlier, goal, method)
    if method != "composite":
        return []
    return estimate(Encoding(space), trials, goal, seed=seed, earlier=earlier)


def choose(
    trials: Sequence[Trial], estimates: Sequence[Estimate]
) -> tuple[Trial | None, Estimate | None]:
    """θ* among the trials, and the surrogate's estimate of it; see `Optimization`."""
    found = recommend(trials, estimates)
    return (best_trial(trials), None) if found is None else (trials[found.trial], found)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the largest A (Eq. 5), the first of equals; None where none is feasible."""
    feasible = [trial for trial in trials if trial.aggregate.feasible]
    return max(feasible, key=lambda trial: trial.aggregate.value, default=None)


def check_search(trials: int, method: str) -> None:
    """Raise `InputError` for a search that cannot be run."""
    if trials < 1:
        raise InputError(f"trials is {trials}; at least 1 is needed")
    check_method(method)


def _run(
    evaluate: Evaluate,
    models: Sequence[Hashable],
    proposal: Proposal,
    goal: Goal,
    early_rejection: bool,
    done: list[Trial],
) -> Trial:
    """Evaluate the models in the proposal's order, until the verdict is settled."""
    deltas: list[float | None] = [None] * len(models)
    sems: list[float | None] = [None] * len(models)
    for index in proposal.order:
        deltas[index], sems[index] = _evaluate(evaluate, proposal.theta, models[index], done)
        known = sum(regressed(delta, goal.alpha) for delta in deltas)
        if early_rejection and not proposal.finish and known > goal.allowed:
            break
    outcome = aggregate(deltas, goal.shares, alpha=goal.alpha, epsilon=goal.epsilon)
    return Trial(proposal.theta, tuple(deltas), tuple(sems), outcome)


def _evaluate(
    evaluate: Evaluate, theta: Theta, model: Hashable, done: list[Trial]
) -> tuple[float, float | None]:
    try:
        return _measured(evaluate(theta, model))
    except Exception as error:
        failure = RuntimeError(f"evaluate failed at theta {theta}, model {model!r}: {error!r}")
        failure.trials = tuple(done)  # type: ignore[attr-defined]
        raise failure from error


def _measured(found: object) -> tuple[float, float | None]:
    """A delta, NaN where it is not finite, and its standard error, None where that is not."""
    try:
        delta, sem = map(float, found if isinstance(found, tuple) else (found, math.nan))
    except (TypeError, ValueError):
        raise TypeError(
            f"it returned {found!r}; return a delta in percent, or (delta, standard error)"
        ) from None
    if sem < 0:
        raise ValueError(f"it returned {found!r}; a standard error is at least 0")
    return delta if math.isfinite(delta) else math.nan, sem if math.isfinite(sem) else None
