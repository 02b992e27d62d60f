"""How a network is judged: normalized entropy, and the paired change between two networks."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from smt.errors import InputError
from smt.training.clusters import standard_error, sum_within
from smt.training.event_metrics import EventMetrics

Floats = NDArray[np.float64]


def entropy(rate: float) -> float:
    """Entropy, in nats, of an event of this rate; infinite information at 0 and 1 is refused."""
    if not 0 < rate < 1:
        raise InputError(f"an event of rate {rate:g} has no entropy to normalise by")
    return float(-rate * np.log(rate) - (1 - rate) * np.log1p(-rate))


def normalized_entropy(
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    base_rate: float,
    weights: ArrayLike | None = None,
) -> float:
    """Log loss over the entropy of the training window's event rate (footnote 1; He et al. 2014).

    Args:
        predictions: `[n]` probabilities in (0, 1).
        labels: `[n]` 0 or 1.
        base_rate: Event rate of the *training* window.
        weights: `[n]` example weights; equal where None.
    """
    probabilities = np.asarray(predictions, dtype=np.float64)
    happened = np.asarray(labels, dtype=np.float64)
    losses = -(happened * np.log(probabilities) + (1 - happened) * np.log1p(-probabilities))
    shares = None if weights is None else np.asarray(weights, dtype=np.float64)
    return float(np.average(losses, weights=shares)) / entropy(base_rate)


def example_losses(logits: Floats, labels: Floats) -> Floats:
    """Cross entropy of every example, nats, from logits; any shape, stable at any size."""
    return np.logaddexp(0.0, logits) - labels * logits


def event_metrics(
    logits: Floats, labels: Floats, base_rate: float, weights: Floats
) -> EventMetrics:
    """All figures of one event from `[n]` logits, labels and weights.

    Labels are 0 or 1, or true probabilities: all figures are expected ones then.
    """
    log_loss = float(np.average(example_losses(logits, labels), weights=weights))
    return EventMetrics(
        ne=log_loss / entropy(base_rate),
        log_loss=log_loss,
        auc=_auc(logits, labels, weights),
        calibration=float((weights * expit(logits)).sum() / (weights * labels).sum()),
        base_rate=base_rate,
    )


def _auc(logits: Floats, labels: Floats, weights: Floats) -> float:
    if not np.isin(labels, (0.0, 1.0)).all():
        # A row is an event with the label's probability, and none with the rest.
        logits, weights = (
            np.tile(logits, 2),
            np.concatenate([weights * labels, weights * (1 - labels)]),
        )
        labels = np.repeat([1.0, 0.0], len(labels))
    return float(roc_auc_score(labels, logits, sample_weight=weights))


def paired_delta(
    base: ArrayLike, candidate: ArrayLike, groups: NDArray[np.int64] | None = None
) -> tuple[float, float]:
    """Δ and its standard error, both in percent, from the same examples under two networks.

    Δ = 100 (NE_base - NE) / NE_base (Eq. 1 with P = -100 NE / NE_base). The standard error
    is that of a ratio of means, by the delta method, over pairs: noise that both networks
    share cancels. It does not hold the noise of another seed.

    Args:
        base: `[n]` contributions of the examples to NE under the baseline; their mean is NE.
        candidate: `[n]` the same under the candidate.
        groups: `[n]` such as the user of every example: the standard error then holds
            whatever the correlation within a group. Examples of id 0 have no id: each is a
            group of its own. All examples are where None.

    Returns:
        Δ, and a standard error of which 1.96 on either side hold the true Δ in 95% of cases with
        few groups too (`smt.training.clusters`).

    Raises:
        InputError: All examples are of one group, or none has a loss.
    """
    before = np.asarray(base, dtype=np.float64)
    after = np.asarray(candidate, dtype=np.float64)
    if before.shape != after.shape:
        raise ValueError(f"not the same examples: {before.shape} and {after.shape}")
    kept = after.sum() / before.sum()
    clusters = sum_within(before * kept - after, before, groups)
    sem = 100.0 * standard_error(clusters) / float(before.sum())
    return float(100.0 * (1.0 - kept)), sem
