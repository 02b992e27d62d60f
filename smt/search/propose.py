"""Which θ to try next.

A proposal is a pure function of the state before it, so a search can stop anywhere and go on as if
it had not.
"""

from collections.abc import Callable

from smt.search.methods import sobol
from smt.search.methods.catalogue import METHODS, Method, check_earlier
from smt.search.recommend import Estimate
from smt.search.state import SearchState
from smt.search.trial import Proposal


def propose(state: SearchState, method: Method) -> Proposal | None:
    """The next θ, and in which order to evaluate the models.

    Args:
        method: "composite" models every model's delta (`smt.search.methods.composite`); "ax"
            models μ and R (`smt.search.methods.ax_search`); "tpe" is Optuna's
            (`smt.search.methods.tpe`); "sobol" is quasi-random points throughout, with which
            "composite" begins; the others begin in their own way.

    Returns:
        None where all points of the space have been tried.

    Raises:
        InputError: The method cannot learn from earlier trials, or they have not one delta a model.
    """
    check_earlier(state.earlier, state.goal, method)
    if not state.encoding.columns:
        return None if state.tried else Proposal(state.encoding.fixed, state.order)
    if state.exhausted:
        return None
    proposal: Proposal | None = METHODS[method].load().propose(state)
    if proposal is None or proposal.theta in state.tried:
        return sobol.propose(state)
    return proposal


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
        return "all points of the space are tried"
    return proposal if proposal.stop is None else proposal.stop


def judge(state: SearchState, method: Method) -> list[Estimate]:
    """What the surrogate thinks of each trial; nothing where the method has none.

    Earlier trials inform the estimates.
    """
    check_earlier(state.earlier, state.goal, method)
    if not METHODS[method].surrogate:
        return []
    estimates: list[Estimate] = METHODS[method].load().estimate(state)
    return estimates
