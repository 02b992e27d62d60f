"""Which θ to try next.

A proposal is a pure function of the trials before it and the seed, so a search can stop anywhere
and go on as if it had not.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from smt.errors import InputError
from smt.search.aggregate import regressed
from smt.search.ax_search import propose_ax
from smt.search.composite import propose_composite
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.tpe import propose_tpe, require_optuna
from smt.search.trial import Proposal, Trial
from smt.search.warm_start import check_earlier
from smt.space import Space, Theta
from smt.threads import one_thread

Method = Literal["composite", "ax", "sobol", "tpe"]


def propose(
    space: Space,
    trials: Sequence[Trial],
    pending: Sequence[Theta],
    goal: Goal,
    *,
    method: Method,
    seed: int,
    earlier: Sequence[Trial] = (),
    early_stopping: bool = False,
) -> Proposal | None:
    """The next θ, and in which order to evaluate the models.

    Args:
        trials: Finished ones, in order.
        pending: Points tried at the moment, whose outcome is not known.
        method: "composite" models every model's delta (`smt.search.composite`); "ax" models μ
            and R (`smt.search.ax_search`); "tpe" is Optuna's (`smt.search.tpe`); "sobol" is
            quasi-random points throughout, with which "composite" begins; the others begin in
            their own way.
        earlier: Trials of the technique from other runs, with a delta a model (None of models that
            were not in that run). They tell "composite" where to look (`smt.search.warm_start`),
            and are none of this search's trials: their θ may be proposed.
        early_stopping: Say where no further trial is worth its price; "composite" knows.

    Returns:
        None where all points of the space have been tried.

    Raises:
        InputError: The method cannot learn from earlier trials, or they have not one delta a model.
    """
    check_earlier(earlier, goal, method)
    encoding = Encoding(space)
    tried = [*(trial.theta for trial in trials), *pending]
    if not encoding.columns:
        return None if tried else Proposal(encoding.fixed, _by_regressions(trials, goal))
    if len(tried) >= encoding.count_points() and _count_distinct(tried) >= encoding.count_points():
        return None
    with one_thread():
        if method == "composite":
            proposal = propose_composite(
                encoding,
                trials,
                pending,
                goal,
                seed=seed,
                earlier=earlier,
                early_stopping=early_stopping,
            )
            if proposal is not None:
                return proposal
        theta: Theta | None = None
        if method == "ax":
            theta = propose_ax(encoding, trials, pending, goal, seed=seed)
        elif method == "tpe":
            theta = propose_tpe(encoding, trials, pending, goal, seed=seed)
        if theta is None or theta in tried:
            theta = _untried(encoding, tried, seed)
    return Proposal(theta, _by_regressions(trials, goal))


def check_method(method: str) -> None:
    """Raise `InputError` for a method that is not known or not installed."""
    if method not in get_args(Method):
        raise InputError(f"unknown method '{method}'; known: {', '.join(get_args(Method))}")
    if method == "tpe":
        require_optuna()


def _untried(encoding: Encoding, tried: Sequence[Theta], seed: int) -> Theta:
    """The first point of the quasi-random sequence that was not tried.

    Call it only where one is left: the sequence comes to every point in the end.
    """
    count = len(tried) + 1
    while True:
        for theta in encoding.sobol(count, seed)[len(tried) :]:
            if theta not in tried:
                return theta
        count *= 2


def _by_regressions(trials: Sequence[Trial], goal: Goal) -> tuple[int, ...]:
    """The models' numbers by how often they regressed so far, the first of equals first."""
    counts = [
        sum(regressed(trial.deltas[model], goal.alpha) for trial in trials)
        for model in range(len(goal.shares))
    ]
    return tuple(sorted(range(len(counts)), key=lambda model: -counts[model]))


def _count_distinct(thetas: Sequence[Theta]) -> int:
    return len({frozenset(theta.items()) for theta in thetas})
