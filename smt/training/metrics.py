"""How a network is judged: normalized losses, and the paired change between two networks."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from smt.layers.losses import Background, CrossEntropy, TweedieDeviance, entropy
from smt.training.clusters import standard_error, sum_within
from smt.training.event_metrics import EventMetrics, ValueMetrics

Floats = NDArray[np.float64]


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


def judged_metrics(
    logits: Floats, labels: Floats, losses: Floats, background: Background, weights: Floats
) -> EventMetrics | ValueMetrics:
    """All figures of one event of either kind, from `[n]` of each."""
    if isinstance(background.kind, TweedieDeviance):
        return value_metrics(logits, labels, losses, background, weights)
    return event_metrics(logits, labels, background.mean, weights)


def event_metrics(
    logits: Floats, labels: Floats, base_rate: float, weights: Floats
) -> EventMetrics:
    """All figures of one event from `[n]` logits, labels and weights.

    Labels are 0 or 1, or true probabilities: all figures are expected ones then.
    """
    log_loss = float(np.average(CrossEntropy().losses(logits, labels), weights=weights))
    return EventMetrics(
        ne=log_loss / entropy(base_rate),
        log_loss=log_loss,
        auc=_auc(logits, labels, weights),
        calibration=float((weights * expit(logits)).sum() / (weights * labels).sum()),
        base_rate=base_rate,
    )


def value_metrics(
    logits: Floats, labels: Floats, losses: Floats, background: Background, weights: Floats
) -> ValueMetrics:
    """All figures of one value from `[n]` logs of predicted means, labels, losses and weights."""
    assert isinstance(background.kind, TweedieDeviance)
    deviance = float(np.average(losses, weights=weights))
    means = background.kind.scores(torch.from_numpy(logits)).numpy()
    return ValueMetrics(
        normalized_deviance=deviance / background.loss,
        deviance=deviance,
        power=background.kind.power,
        rank_correlation=_rank_correlation(logits, labels, weights),
        calibration=float((weights * means).sum() / (weights * labels).sum()),
        base_mean=background.mean,
    )


def _rank_correlation(logits: Floats, labels: Floats, weights: Floats) -> float:
    moments = np.cov(rankdata(logits), rankdata(labels), aweights=weights)
    spread = np.sqrt(moments[0, 0] * moments[1, 1])
    return float(moments[0, 1] / spread) if spread else 0.0


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
