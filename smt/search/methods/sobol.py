"""θ by a scrambled Sobol sequence: quasi-random points, with which "composite" begins."""

from itertools import islice

from smt.search.state import SearchState
from smt.search.trial import Proposal
from smt.space import Theta

# Of refused points, after which only the corners of the space are asked about.
MOST_REFUSED = 64


def propose(state: SearchState) -> Proposal | None:
    """The first point of the sequence that was not tried and may be; None where none is left.

    Where many are refused, the corners of the space follow: what refuses a θ is mostly a cost,
    which rises or falls with a hyperparameter, so that an allowed region too small for the sequence
    to meet it has a corner. Where those are refused too, it is taken that all θ are.
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
    for theta in islice(state.encoding.corners(), MOST_REFUSED):
        if theta not in tried and theta not in refused and state.refusal(theta) is None:
            return Proposal(theta, state.order)
    return None
