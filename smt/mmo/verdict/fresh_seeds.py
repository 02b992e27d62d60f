"""Candidates on one fresh seed after the other, until the verdict is known."""

from collections.abc import Callable, Mapping, Sequence

from smt.mmo.verdict.confirmation import measure
from smt.mmo.verdict.stopping import seeds_at_looks
from smt.results.savings import Savings
from smt.results.technique import Replication
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.space import Theta

# (the open candidates' places, seeds) -> a complete trial a seed, of each of them.
Replicate = Callable[[Sequence[int], Sequence[int]], Sequence[Sequence[Trial]]]


def measure_until_known(
    candidates: Sequence[tuple[int, Theta]],
    replicate: Replicate,
    seeds: Sequence[int],
    goal: Goal,
    models: Sequence[str],
    savers: Mapping[int, Savings] = {},
) -> tuple[Replication, ...]:
    """Draw seeds until a candidate generalizes by its gain, or none is open any more.

    A candidate that is decided gets no more of them, so that what is left goes to those that may
    still enter.

    Args:
        candidates: (number of the search's trial, θ).
        seeds: All that may be used, in order.
        models: Names, in the order of the trials' deltas.
        savers: Number of a trial -> what it saves, of those that save enough.
    """
    trials: list[list[Trial]] = [[] for _ in candidates]
    places = list(range(len(candidates)))
    used = 0
    for count in seeds_at_looks(len(seeds)):
        for place, more in zip(places, replicate(places, seeds[used:count]), strict=True):
            trials[place].extend(more)
        used = count
        replicates = [
            (number, theta, trials[place]) for place, (number, theta) in enumerate(candidates)
        ]
        measured = measure(replicates, seeds, goal, models, savers)
        places = [place for place, candidate in enumerate(measured) if candidate.decision == "open"]
        if not places or any(candidate.kind == "gain" for candidate in measured):
            break
    return measured
