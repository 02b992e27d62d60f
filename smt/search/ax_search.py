"""θ by Ax: μ as the objective, R as an outcome constraint."""

import math
from collections.abc import Sequence

from ax.exceptions.core import SearchSpaceExhausted

from smt.search.ax_experiment import decode, encode, make_experiment, quiet_ax
from smt.search.divergence import bounded_outcome
from smt.search.encoding import Encoding
from smt.search.goal import Goal
from smt.search.trial import Trial
from smt.seeds import proposal_seed
from smt.space import Theta

# Ax's own default: the centre of the space and four quasi-random points, then the surrogate.
INITIAL_TRIALS = 5


def propose_ax(
    encoding: Encoding, trials: Sequence[Trial], pending: Sequence[Theta], goal: Goal, *, seed: int
) -> Theta | None:
    """The next θ; None where Ax knows of no other.

    The experiment is made anew each time, so that a proposal is a pure function of its arguments.
    Deltas of networks that diverged are held to a floor in it (`smt.search.divergence`).
    """
    trials = [bounded_outcome(trial, goal) for trial in trials]
    number = len(trials) + len(pending)
    observed = [trial for trial in trials if math.isfinite(trial.aggregate.mean)]
    with quiet_ax():
        client = make_experiment(encoding, trials, goal, seed=proposal_seed(seed, number))
        if number < INITIAL_TRIALS or len(observed) < 2:
            client.configure_generation_strategy(
                method="random_search", initialization_random_seed=seed
            )
        else:
            client.configure_generation_strategy(
                initialization_budget=0, initialize_with_center=False
            )
        for theta in pending:
            client.attach_trial(encode(theta, encoding))
        try:
            proposed = client.get_next_trials(max_trials=1)
        except SearchSpaceExhausted:
            return None
    if not proposed:
        return None
    return decode(dict(next(iter(proposed.values()))), encoding)
