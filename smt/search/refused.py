"""Where a search may not go: θ that are refused before they are tried, as they cost too much."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from smt.search.encoding import Encoding
from smt.search.state import SearchState
from smt.space import Theta

# Halvings of the way from a tried θ to one that is refused: to 1/128 of it.
HALVINGS = 7
# Of the tried θ, from which ways lead to one that is refused.
WAYS = 4
# Candidates that are asked about, the most promising first.
MOST_ASKED = 32
CANDIDATES = 256


def best_allowed(
    promise: Callable[[Sequence[Theta]], Tensor],
    sought: Theta,
    bounds: Tensor,
    state: SearchState,
    new: Callable[[Theta], bool],
    seed: int,
) -> Theta | None:
    """The most promising θ that may be tried, where the most promising of all may not.

    It lies on the edge, as far as the way to it is known: on the way from tried θ (all of which
    are allowed) to the one sought, as near to that as is allowed; or it is one of quasi-random θ
    inside the bounds.

    Args:
        promise: n θ -> `[n]`.
        bounds: `[2, d]`, encoded.
        new: Whether a θ may be proposed, as far as it is not refused.
    """
    encoding = state.encoding
    tried = [trial.theta for trial in state.trials]
    begin = _ranked(promise, tried)[:WAYS]
    edge = [_last_allowed(theta, sought, state) for theta in begin]
    inside = [theta for theta in _spread(encoding, bounds, seed) if new(theta)]
    asked = _ranked(promise, inside)[:MOST_ASKED]
    allowed = next((theta for theta in asked if state.refusal(theta) is None), None)
    candidates = [*filter(new, edge), *([] if allowed is None else [allowed])]
    return _ranked(promise, candidates)[0] if candidates else None


def _ranked(promise: Callable[[Sequence[Theta]], Tensor], thetas: Sequence[Theta]) -> list[Theta]:
    """The most promising first."""
    if not thetas:
        return []
    return [thetas[place] for place in promise(thetas).argsort(descending=True, stable=True)]


def _last_allowed(allowed: Theta, refused: Theta, state: SearchState) -> Theta:
    """On the way from one to the other, by bisection; the way may cross the edge only once."""
    encoding = state.encoding
    start, end = encoding.encode([allowed, refused])
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        point = encoding.decode(encoding.settle(torch.lerp(start, end, middle)))
        if state.refusal(point) is None:
            low, allowed = middle, point
        else:
            high = middle
    return allowed


def _spread(encoding: Encoding, bounds: Tensor, seed: int) -> list[Theta]:
    """Quasi-random θ inside the bounds; choices are any."""
    points = encoding.encode(encoding.sobol(CANDIDATES, seed))
    low, high = encoding.bounds
    shares = (points - low) / (high - low).clamp_min(1e-12)
    inside = bounds[0] + shares * (bounds[1] - bounds[0])
    return [encoding.decode(encoding.settle(row)) for row in inside]
