"""What a user did before an impression: lists of earlier rows of the same user."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PastRows:
    """For each of N rows, the indices of its earlier rows, the most recent first.

    Attributes:
        offsets: `[N + 1]`; row i owns `rows[offsets[i]:offsets[i + 1]]`.
        rows: `[offsets[N]]` row indices.
    """

    offsets: Integers
    rows: Integers

    def lists(self, values: Integers) -> pa.ListArray:
        """One list a row: `values` (`[N]`) of its earlier rows."""
        offsets = pa.array(self.offsets, pa.int32())
        return pa.ListArray.from_arrays(offsets, pa.array(values[self.rows], pa.int64()))


def past_rows(users: Integers, times: Integers, keep: NDArray[np.bool_], length: int) -> PastRows:
    """Find each row's up to `length` most recent kept rows of its user.

    Only rows with a strictly smaller time count, so a row sees neither itself nor anything
    that happened at the same moment. Among kept rows of one moment the later row comes first.

    Args:
        users: `[N]` user of each row.
        times: `[N]` time of each row, in any unit and order.
        keep: `[N]` rows that may be in a history.
        length: Most steps of a history.
    """
    user_codes = np.unique(users, return_inverse=True)[1]
    moments, time_codes = np.unique(times, return_inverse=True)
    first_keys = user_codes * len(moments)
    keys = first_keys + time_codes
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(keys[kept], kind="stable")]
    kept_keys = keys[kept]
    ends = np.searchsorted(kept_keys, keys)
    starts = np.maximum(np.searchsorted(kept_keys, first_keys), ends - length)
    counts = ends - starts
    offsets = np.concatenate([[0], np.cumsum(counts)])
    steps = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    return PastRows(offsets, kept[np.repeat(ends - 1, counts) - steps])
