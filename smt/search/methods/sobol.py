"""θ by a scrambled Sobol sequence: quasi-random points, with which "composite" begins."""

from smt.search.state import SearchState
from smt.search.trial import Proposal
from smt.space import Theta

# Of refused points, after which it is taken that all are.
MOST_REFUSED = 256


def propose(state: SearchState) -> Proposal | None:
    """The first point of the sequence that was not tried and may be; None where none is left.

    The sequence comes to every point in the end.
    """
    tried, points = state.tried, state.encoding.count_points()
    left = points - len({frozenset(theta.items()) for theta in tried})
    refused: list[Theta] = []
    count = len(tried) + 1
    while len(refused) < min(left, MOST_REFUSED):
        for theta in state.encoding.sobol(count, state.seed)[len(tried) :]:
            if theta in tried or theta in refused:
                continue
            if state.refusal(theta) is None:
                return Proposal(theta, state.order)
            refused.append(theta)
            if len(refused) == MOST_REFUSED:
                break
        count *= 2
    return None
