"""What a technique would be worth where each model had the θ that is best for itself.

A technique without one θ for all may still pay where each model sets it: its hyperparameters are
"prime candidates for parameter exposure" (the paper, §6.3.2).
"""

from collections.abc import Sequence

import numpy as np

from smt.search.delta import Delta, all_measured
from smt.search.posterior import posteriors


def gain_of_own_choice(
    trials: Sequence[Sequence[Delta]], shares: Sequence[float], alpha: float
) -> float:
    """Weighted mean over models of what each one's own best θ gains, percent; at least 0.

        Σ_i w_i · max(0, max_θ E[Δ_i(θ) | all deltas of θ])

    The best of noisy deltas is the luckiest; the best of what is to be expected of each, in the
    light of the other models', is not.

    Args:
        trials: Of every θ a delta a model. Where one was not measured θ is left out; the gain
            is 0 where all are.
        shares: m weights of the models, summing to 1.
        alpha: α, percent: beyond which networks that diverged are told.
    """
    best = np.zeros(len(shares))
    for trial in filter(all_measured, trials):
        expected = [known.delta for known in posteriors(trial, alpha)]
        best = np.maximum(best, expected)
    return float(np.asarray(shares) @ best)
