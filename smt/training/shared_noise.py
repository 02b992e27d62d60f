"""What each bucket of users adds to a model's Δ: models' errors that share users correlate by it.

A user is in the same bucket for every model of a log, whatever rows the model is judged by. To
first order the error of Δ is the sum of what buckets add, so that of a mean over models is the sum
of the buckets' means: what rows and users do to all models alike does not average out.
"""

import numpy as np
from numpy.typing import NDArray

from smt.data.time_order import mix
from smt.training.clusters import MISSING, Floats
from smt.training.windows import Windows, stretches

BUCKETS = 256
"""The errors of two models that share nothing seem to correlate by some 1/16."""


def bucket_shares(
    base: NDArray[np.float32], candidate: NDArray[np.float32], keys: NDArray[np.int64]
) -> Floats:
    """`[BUCKETS]` that sum to 0: percent by which each moves Δ off what the model's all are worth.

    Args:
        base, candidate: `[n]` contributions of the examples to NE, as of `paired_delta`.
        keys: `[n]` of the examples; those of one key are in one bucket.
    """
    before, after = base.astype(np.float64), candidate.astype(np.float64)
    total = before.sum()
    residuals = before * (after.sum() / total) - after
    buckets = (mix(keys.view(np.uint64)) % np.uint64(BUCKETS)).astype(np.int64)
    shares = np.bincount(buckets, weights=residuals, minlength=BUCKETS)
    return np.asarray(100 * shares / total, dtype=np.float64)


def row_keys(windows: Windows, groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """`[n]` keys of a model's judged rows: their ids, and their times where they have none.

    Args:
        windows: Whose test window are the judged rows.
        groups: `[n]` ids, `MISSING` where there is none; None where there are none at all.
    """
    if groups is not None and not (groups == MISSING).any():
        return groups
    times = row_times(windows)
    return times if groups is None else np.where(groups == MISSING, times, groups)


def row_times(windows: Windows) -> NDArray[np.int64]:
    """`[n]` times of a model's judged rows, which are the test window, in milliseconds."""
    name = windows.log.schema.timestamp
    rows = stretches(windows.log.test, [name], windows.condition)
    return np.concatenate([np.empty(0, np.int64), *(stretch[name] for stretch in rows)])
