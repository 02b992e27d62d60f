"""Interim."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.numbers import cast


def _times(values: pa.Array, where: str) -> pa.Array:
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    if (
        pa.types.is_large_string(values.type)
        and not pc.match_substring_regex(values.slice(0, 1), r"^\d+$")[0].as_py()
    ):
        zoned = pc.match_substring_regex(values, r"(Z|[+-]\d\d(:?\d\d)?)$")
        zoned = pc.and_(zoned, pc.greater(pc.utf8_length(values), 10))
        local = cast(values.filter(pc.invert(zoned)), pa.timestamp("ms"), where)
        utc = cast(values.filter(zoned), pa.timestamp("ms", "UTC"), where)
        times = np.empty(len(values), np.int64)
        chosen = zoned.to_numpy(zero_copy_only=False)
        times[chosen], times[~chosen] = utc.cast(pa.int64()), local.cast(pa.int64())
        return pa.array(times)
    return cast(values, pa.int64(), where)
