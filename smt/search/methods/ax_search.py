"""θ by Ax: μ as the objective, R as an outcome constraint."""

import math

from ax.exceptions.core import SearchSpaceExhausted

from smt.search.ax_experiment import decode, encode, make_experiment, quiet_ax
from smt.search.divergence import bounded_outcome
from smt.search.state import SearchState
from smt.search.trial import Proposal
from smt.search.units import in_units, unit_of
from smt.seeds import proposal_seed
from smt.threads import one_thread

# Ax's own default: the centre of the space and four quasi-random points, then the surrogate.
INITIAL_TRIALS = 5


def propose(state: SearchState) -> Proposal | None:
    """The next θ; None where Ax knows of no other.

    The experiment is made anew each time, so that a proposal is a pure function of its arguments.
    Deltas of networks that diverged are held to a floor in it (`smt.search.divergence`).
    """
    state = in_units(state, unit_of(state))
    trials = [bounded_outcome(trial, state.goal) for trial in state.trials]
    number = len(state.tried)
    observed = [trial for trial in trials if math.isfinite(trial.aggregate.mean)]
    with one_thread(), quiet_ax():
        own = proposal_seed(state.seed, number)
        client = make_experiment(state.encoding, trials, state.goal, seed=own)
        if number < INITIAL_TRIALS or len(observed) < 2:
            client.configure_generation_strategy(
                method="random_search", initialization_random_seed=state.seed
            )
        else:
            client.configure_generation_strategy(
                initialization_budget=0, initialize_with_center=False
            )
        for theta in state.pending:
            client.attach_trial(encode(theta, state.encoding))
        try:
            proposed = client.get_next_trials(max_trials=1)
        except SearchSpaceExhausted:
            return None
    if not proposed:
        return None
    theta = decode(dict(next(iter(proposed.values()))), state.encoding)
    return Proposal(theta, state.order)
