"""θ by a scrambled Sobol sequence: quasi-random points, with which "composite" begins."""

from smt.search.state import SearchState
from smt.search.trial import Proposal


def propose(state: SearchState) -> Proposal:
    """The first point of the sequence that was not tried.

    Call it only where one is left: the sequence comes to every point in the end.
    """
    tried = state.tried
    count = len(tried) + 1
    while True:
        for theta in state.encoding.sobol(count, state.seed)[len(tried) :]:
            if theta not in tried:
                return Proposal(theta, state.order)
        count *= 2
