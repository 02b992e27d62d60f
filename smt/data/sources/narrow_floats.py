"""Floats of 16 and 32 bits: the numbers that were meant, and those that were rounded."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.raw_ids import EXACT
from smt.errors import InputError


def is_narrow(kind: pa.DataType) -> bool:
    """Whether a type is a float of fewer than 64 bits."""
    return bool(pa.types.is_float16(kind) or pa.types.is_float32(kind))


def as_meant(values: pa.Array) -> pa.Array:
    """Narrow floats as float64: 0.1 of float32 is 0.1, not 0.10000000149. Others stay."""
    if not is_narrow(values.type):
        return values
    numbers = values.cast(pa.float64())
    fractions = pc.fill_null(pc.not_equal(pc.floor(numbers), numbers), False)
    if not pc.any(fractions).as_py():
        return numbers
    # Arrow writes float16 with more digits than it has.
    texts = values.filter(fractions).to_numpy(zero_copy_only=False).astype(str)
    return pc.replace_with_mask(numbers, fractions, pa.array(texts.astype(np.float64)))


def refuse_rounded(values: pa.Array, second: float, where: str) -> None:
    """Raise `InputError` for a time that a narrow float cannot tell from its neighbours.

    That is a number from which on whole numbers are rounded, or one with a fraction that is
    more than a second from the next number of its type.

    Args:
        values: Without null, of any type; those of others than narrow floats are exact.
        second: How much of what the numbers count is a second.
        where: File and column, which open the error.
    """
    if not is_narrow(values.type):
        return
    floats = values.to_numpy(zero_copy_only=False)
    wide = floats.astype(np.float64)
    wrong = np.abs(wide) >= EXACT[values.type]
    wrong |= (np.floor(wide) != wide) & (np.spacing(np.abs(floats)).astype(np.float64) > second)
    wrong &= np.isfinite(wide)
    if wrong.any():
        kind = "float16" if pa.types.is_float16(values.type) else "float32"
        raise InputError(
            f"{where}: the value {float(wide[wrong][0])!r} is a {kind} too large to be exact, so "
            "that different times may have become one; write times as integers or float64"
        )
