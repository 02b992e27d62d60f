"""Which θ to try next.

A proposal is a pure function of the state before it, so a search can stop anywhere and go on as if
it had not.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from smt.search.methods import sobol
from smt.search.methods.catalogue import METHODS, Method, check_earlier
from smt.search.recommend import Estimate
from smt.search.state import SearchState
from smt.search.trial import Proposal, Trial

# How often a method is asked for a θ that is not refused, before quasi-random points are.
ATTEMPTS = 8


def propose(state: SearchState, method: Method) -> Proposal | None:
    """The next θ, and in which order to evaluate the models.

    Args:
        method: "composite" models every model's delta (`smt.search.methods.composite`); "ax"
            models μ and R (`smt.search.methods.ax_search`); "tpe" is Optuna's
            (`smt.search.methods.tpe`); "sobol" is quasi-random points throughout, with which
            "composite" begins; the others begin in their own way.

    Returns:
        None where all points of the space that may be tried have been.

    Raises:
        InputError: The method cannot learn from earlier trials, or they have not one delta a model.
    """
    check_earlier(state.earlier, state.goal, method)
    if not state.encoding.columns:
        only = state.encoding.fixed
        possible = not state.tried and state.refusal(only) is None
        return Proposal(only, state.order) if possible else None
    if state.exhausted:
        return None
    return _propose_allowed(state, method) or sobol.propose(state)


def _propose_allowed(state: SearchState, method: Method) -> Proposal | None:
    """The method's own; None where it has none that is new and may be tried.

    A method that does not heed refusals itself is told of each refused θ as of one at which every
    model failed, and asked again.
    """
    told = state
    for _ in range(ATTEMPTS):
        if told.exhausted:
            return None
        proposal: Proposal | None = METHODS[method].load().propose(told)
        if proposal is None or proposal.theta in state.tried:
            return None
        if state.refusal(proposal.theta) is None:
            return proposal
        failed = Trial(proposal.theta, [math.nan] * len(state.goal.shares))
        told = replace(told, trials=(*told.trials, failed))
    return None


def propose_or_end(
    state: SearchState, most: int | None, choose: Callable[[SearchState], Proposal | None]
) -> Proposal | str:
    """What a search tries next, or why it ends.

    Args:
        most: No trial begins once so many evaluations are made; None for no limit.
        choose: Gives the next θ; None where all points of the space are tried.
    """
    made = sum(trial.evaluations for trial in state.trials)
    if most is not None and made >= most:
        return f"{made} of {most} evaluations are made"
    proposal = choose(state)
    if proposal is None:
        return _why_no_other(state)
    return proposal if proposal.stop is None else proposal.stop


def _why_no_other(state: SearchState) -> str:
    """Why there is no further θ to try, by the example of one that is refused."""
    encoding, tried = state.encoding, state.tried
    points = encoding.sobol(len(tried) + 1, state.seed) if encoding.columns else [encoding.fixed]
    for theta in points:
        refusal = None if theta in tried else state.refusal(theta)
        if refusal is not None:
            return f"no {'other ' if tried else ''}theta may be tried: {refusal}"
    return "all points of the space are tried"


def judge(state: SearchState, method: Method) -> list[Estimate]:
    """What the surrogate thinks of each trial; nothing where the method has none.

    Earlier trials inform the estimates.
    """
    check_earlier(state.earlier, state.goal, method)
    if not METHODS[method].surrogate:
        return []
    estimates: list[Estimate] = METHODS[method].load().estimate(state)
    return estimates
