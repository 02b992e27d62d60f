"""One technique's search in this process, for any Python function: no Ray, no networks."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from smt.errors import InputError
from smt.search.aggregate import Aggregate, aggregate
from smt.search.delta import Delta
from smt.search.goal import Goal
from smt.search.methods.catalogue import Method, check_method
from smt.search.propose import judge, propose, propose_or_end
from smt.search.recommend import Estimate, best_trial, choose
from smt.search.state import SearchState, allow_all
from smt.search.trial import Trial
from smt.seeds import check_seed
from smt.space import Space, Theta, check_space

Evaluate = Callable[[Theta, Hashable], float | tuple[float, float]]


@dataclass(frozen=True)
class Optimization:
    """The outcome of a search.

    Attributes:
        best_theta: θ*. By method "composite" the largest μ that is surely feasible
            (`smt.search.recommend.recommend`), by the others `paper_theta`. None where no trial
            was feasible with A > 0: nothing is better than that.
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
    refusal: Callable[[Theta], str | None] | None = None,
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
        refusal: Why a θ may not be tried, or None: what is known before anything is evaluated,
            such as that it costs too much. No θ that is refused is evaluated.

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
    state = SearchState(
        space,
        goal,
        seed=seed,
        earlier=earlier,
        early_stopping=early_stopping,
        refusal=refusal or allow_all,
    )
    stopped = None
    while len(state.trials) < trials:
        proposal = propose_or_end(state, max_evaluations, lambda known: propose(known, method))
        if isinstance(proposal, str):
            stopped = proposal
            break
        settling = goal if early_rejection and not proposal.finish else None
        try:
            outcomes = _evaluate(evaluate, proposal.theta, models, proposal.order, settling)
        except RuntimeError as error:
            error.trials = tuple(state.trials)  # type: ignore[attr-defined]
            raise
        outcome = aggregate(outcomes, goal.shares, alpha=alpha, epsilon=epsilon)
        trial = Trial(proposal.theta, outcomes, aggregate=outcome)
        state = replace(state, trials=(*state.trials, trial))
    paper = best_trial(state.trials)
    best, estimate = choose(state.trials, judge(state, method), goal.shares)
    return Optimization(
        best_theta=None if best is None else best.theta,
        best=None if best is None else best.aggregate,
        trials=tuple(state.trials),
        evaluations=sum(trial.evaluations for trial in state.trials),
        paper_theta=None if paper is None else paper.theta,
        estimate=estimate,
        stopped=stopped,
    )


def check_search(trials: int, method: str) -> None:
    """Raise `InputError` for a search that cannot be run."""
    if trials < 1:
        raise InputError(f"trials is {trials}; at least 1 is needed")
    check_method(method)


def _evaluate(
    evaluate: Evaluate,
    theta: Theta,
    models: Sequence[Hashable],
    order: Sequence[int],
    settling: Goal | None,
) -> list[Delta]:
    """Evaluate the models in this order, until the goal settles the verdict where there is one."""
    outcomes = [Delta.not_evaluated()] * len(models)
    for index in order:
        try:
            outcomes[index] = _to_delta(evaluate(theta, models[index]))
        except Exception as error:
            raise RuntimeError(
                f"evaluate failed at theta {theta}, model {models[index]!r}: {error!r}"
            ) from error
        if settling is not None and settling.settles(outcomes):
            break
    return outcomes


def _to_delta(returned: object) -> Delta:
    """What `evaluate` returned; see `optimize`."""
    try:
        value, sem = map(float, returned if isinstance(returned, tuple) else (returned, math.nan))
    except (TypeError, ValueError):
        raise TypeError(
            f"it returned {returned!r}; return a delta in percent, or (delta, standard error)"
        ) from None
    if sem < 0:
        raise ValueError(f"it returned {returned!r}; a standard error is at least 0")
    return Delta.of(value, sem)
