"""What trials of earlier runs tell a search: where to look, never what to recommend.

Their deltas were measured against another baseline: with another seed, of an earlier template, on
a log that went on since. So the surrogate takes them as less exact than their noise says, and
does without them where this run's own trials show that they mislead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from smt.errors import InputError
from smt.search.state import SearchState
from smt.search.surrogate.surrogate import fit_surrogate, observe, tail_of
from smt.search.surrogate.tail import Tail
from smt.search.trial import Trial
from smt.space import Space, check_theta

# Of the variance of earlier deltas, the share that another baseline accounts for, before this run's
# own trials tell: a correlation of 0.9 with what the run itself would measure.
PRIOR_SHARE = 0.2
# How many of this run's trials that guess counts for.
PRIOR_TRIALS = 2
# The share at which earlier trials are left out: a correlation of 0.5.
MOST_SHARE = 1.0


@dataclass(frozen=True)
class Earlier:
    """Earlier trials, as far as they help.

    Attributes:
        extra_variance: Of their deltas beyond their noise, percent².
    """

    trials: tuple[Trial, ...]
    extra_variance: float


def weigh_earlier(state: SearchState) -> Earlier:
    """What this run's trials leave of earlier ones.

    Those are dropped whose θ is no point of the space, or that evaluated none of the models; and
    all where they disagree with this run's trials by more than they vary.
    """
    usable = [
        trial for trial in state.earlier if trial.evaluations and _lies_in(state.space, trial)
    ]
    if not usable:
        return Earlier((), 0.0)
    tail = tail_of((*state.trials, *usable), state.goal.alpha)
    deltas, _, _ = observe(usable, state.goal.alpha, tail)
    variance = float(deltas[deltas.isfinite()].var(correction=0))
    extra = _disagreement(state, usable, tail, PRIOR_SHARE * variance)
    return Earlier((), 0.0) if extra > MOST_SHARE * variance else Earlier(tuple(usable), extra)


def _disagreement(state: SearchState, earlier: Sequence[Trial], tail: Tail, guess: float) -> float:
    """Variance, percent², by which earlier deltas differ from this run's beyond their noise.

    The guess, drawn towards what this run's trials show: how much further they are from what a
    surrogate of the earlier trials alone predicts than it expects to be wrong.
    """
    encoding, trials, alpha = state.encoding, state.trials, state.goal.alpha
    deltas, variances, _ = observe(trials, alpha, tail)
    known = deltas.isfinite() & observe(earlier, alpha, tail)[0].isfinite().any(0)
    if len(earlier) < 2 or not known.any():
        return guess
    predicted, spread = fit_surrogate(encoding, earlier, alpha=alpha, tail=tail).predict(
        encoding.encode([trial.theta for trial in trials])
    )
    excess = (deltas - predicted).square() - spread.square() - variances
    shown = max(float(excess[known].mean()), 0.0)
    return (PRIOR_TRIALS * guess + len(trials) * shown) / (PRIOR_TRIALS + len(trials))


def _lies_in(space: Space, trial: Trial) -> bool:
    try:
        check_theta(trial.theta, space, "earlier trial")
    except InputError:
        return False
    return True
