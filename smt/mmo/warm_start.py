"""What trials of earlier runs tell a search: where to look, never what to recommend.

Their deltas were measured against another baseline: with another seed, of an earlier template, on
a log that went on since. So the surrogate takes them as less exact than their noise says.
"""

from collections.abc import Sequence

from smt.errors import InputError
from smt.mmo.encoding import Encoding
from smt.mmo.goal import Goal
from smt.mmo.surrogate import Surrogate, fit_surrogate, observe
from smt.mmo.trial import Trial
from smt.template.space import check_theta

# Of the variance of earlier deltas, the share that another baseline accounts for, before this run's
# own trials tell: a correlation of about 0.9 with what the run itself would measure.
PRIOR_SHARE = 0.2
# How many of this run's trials that guess counts for.
PRIOR_TRIALS = 2


def check_earlier(earlier: Sequence[Trial], goal: Goal, method: str) -> None:
    """Raise `InputError` for earlier trials of other models, or with a method that has no use."""
    if earlier and method != "composite":
        raise InputError(
            f"method '{method}' cannot learn from earlier trials; choose method 'composite', or "
            "give none"
        )
    for trial in earlier:
        if len(trial.deltas) != len(goal.shares):
            raise InputError(
                f"an earlier trial has {len(trial.deltas)} deltas for {len(goal.shares)} models; "
                "it needs one for each, None where it has none"
            )


def usable(encoding: Encoding, earlier: Sequence[Trial]) -> list[Trial]:
    """Those whose θ is a point of the space, and that evaluated any of the models."""
    return [
        trial
        for trial in earlier
        if _lies_in(encoding, trial) and any(delta is not None for delta in trial.deltas)
    ]


def fit_warm(
    encoding: Encoding, trials: Sequence[Trial], earlier: Sequence[Trial], *, alpha: float
) -> Surrogate:
    """The surrogate of trials, of which at least two have deltas, and of usable earlier ones."""
    if not earlier:
        return fit_surrogate(encoding, trials, alpha=alpha)
    extra = disagreement(encoding, trials, earlier, alpha=alpha)
    return fit_surrogate(encoding, trials, alpha=alpha, earlier=earlier, extra_variance=extra)


def disagreement(
    encoding: Encoding, trials: Sequence[Trial], earlier: Sequence[Trial], *, alpha: float
) -> float:
    """Variance, percent², by which earlier deltas differ from this run's beyond their noise.

    A guess by `PRIOR_SHARE`, drawn towards what this run's trials show: how much further they are
    from what a surrogate of the earlier trials alone predicts than it expects to be wrong.
    """
    theirs, _, _ = observe(earlier, alpha)
    guess = PRIOR_SHARE * float(theirs[theirs.isfinite()].var(correction=0))
    if len(earlier) < 2:
        return guess
    deltas, variances, _ = observe(trials, alpha)
    known = deltas.isfinite() & theirs.isfinite().any(0)
    if not known.any():
        return guess
    predicted, spread = fit_surrogate(encoding, earlier, alpha=alpha).predict(
        encoding.encode([trial.theta for trial in trials])
    )
    excess = (deltas - predicted).square() - spread.square() - variances
    shown = max(float(excess[known].mean()), 0.0)
    return (PRIOR_TRIALS * guess + len(trials) * shown) / (PRIOR_TRIALS + len(trials))


def _lies_in(encoding: Encoding, trial: Trial) -> bool:
    try:
        check_theta(trial.theta, encoding.space, "earlier trial")
    except InputError:
        return False
    return True
