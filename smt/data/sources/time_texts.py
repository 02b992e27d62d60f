"""Times that are texts in ISO 8601, or that a clock shows, as milliseconds since the epoch."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.errors import InputError

FORMS = (
    "ISO 8601 dates and times such as 2024-05-01, 2024-05-01 12:00, 2024-05-01T12:00:00.123456, "
    "20240501T120000Z or 2024-05-01 12:00:00+02:00, and numbers (see `unit:` of the schema)"
)
_ZONE = r"Z|UTC|GMT|[+-]\d\d(:?\d\d)?"
_CLOCK = rf"\d\d(:\d\d(:\d\d([.,]\d+)?)?)? ?({_ZONE})?"
_BASIC_CLOCK = rf"\d\d(\d\d(\d\d([.,]\d+)?)?)? ?({_ZONE})?"
_ISO = rf"^(\d{{4}}-\d\d-\d\d([T ]{_CLOCK})?|\d{{8}}T{_BASIC_CLOCK})$"
_DATE_LENGTH = len("2024-05-01")


def read_texts(texts: pa.Array, where: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Milliseconds of ISO 8601 texts, cut as a clock without smaller digits shows them.

    Args:
        texts: `[N]` strings without null.
        where: File and column, which open every error.

    Returns:
        `[N]` milliseconds, and `[N]` whether the text names its zone; the milliseconds of one
        that does not are what a clock shows, see `to_utc`.

    Raises:
        InputError: A text has another form, or names no day or time of day.
    """
    tidy = pc.utf8_upper(pc.utf8_trim_whitespace(texts.cast(pa.string())))
    _refuse(texts, pc.invert(pc.match_substring_regex(tidy, _ISO)), where)
    tidy = _as_arrow_reads_it(tidy)
    # A date alone ends like an offset of hours.
    zoned = pc.and_(
        pc.match_substring_regex(tidy, r"(Z|[+-]\d\d(:?\d\d)?)$"),
        pc.greater(pc.utf8_length(tidy), _DATE_LENGTH),
    ).to_numpy(zero_copy_only=False)
    times = np.empty(len(texts), np.int64)
    for rows, kind in ((~zoned, pa.timestamp("ms")), (zoned, pa.timestamp("ms", "UTC"))):
        times[rows] = _cast(tidy.filter(pa.array(rows)), texts.filter(pa.array(rows)), kind, where)
    return times, zoned


def to_utc(local: NDArray[np.int64], zone: str | None) -> tuple[NDArray[np.int64], int]:
    """Milliseconds of what clocks in a zone showed; UTC where it is None.

    A time that clocks showed twice is the first one, one that they skipped is the moment when
    they were set.

    Args:
        local: `[N]` milliseconds, as if clocks had shown UTC.
        zone: An IANA name.

    Returns:
        `[N]` milliseconds, and how many of them clocks showed twice or skipped.
    """
    if zone is None or not len(local):
        return local, 0
    seconds = pa.array(local // 1000).cast(pa.timestamp("s"))
    first, last = (
        pc.assume_timezone(seconds, zone, ambiguous=choice, nonexistent=choice).cast(pa.int64())
        for choice in ("earliest", "latest")
    )
    differs = pc.not_equal(first, last).to_numpy(zero_copy_only=False)
    chosen = pc.assume_timezone(seconds, zone, ambiguous="earliest", nonexistent="latest")
    return chosen.cast(pa.int64()).to_numpy() * 1000 + local % 1000, int(differs.sum())


def clock_text(milliseconds: int) -> str:
    """A time as a person reads it, in UTC."""
    return str(np.datetime64(milliseconds, "ms")).replace("T", " ").removesuffix(".000")


def _as_arrow_reads_it(texts: pa.Array) -> pa.Array:
    """Extended form, at most three digits of a second, zones as Z or an offset without space."""
    for sign, pattern, replacement in (
        ("T", r"^(\d{4})(\d\d)(\d\d)T", r"\1-\2-\3T"),
        ("T", r"T(\d\d)(\d\d)(\d\d)", r"T\1:\2:\3"),
        ("T", r"T(\d\d)(\d\d)", r"T\1:\2"),
        (",", r",(\d)", r".\1"),
        (".", r"\.(\d{3})\d+", r".\1"),
        ("UTC", "UTC$", "Z"),
        ("GMT", "GMT$", "Z"),
        (" Z", " Z$", "Z"),
        (" +", r" ([+])", r"\1"),
        (" -", " (-)", r"\1"),
    ):
        if pc.any(pc.match_substring(texts, sign)).as_py():
            texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts


def _cast(tidy: pa.Array, texts: pa.Array, kind: pa.DataType, where: str) -> NDArray[np.int64]:
    try:
        times: NDArray[np.int64] = tidy.cast(kind).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        for row, text in enumerate(tidy):
            try:
                text.cast(kind)
            except pa.ArrowInvalid:
                _refuse(texts, pa.array(np.arange(len(texts)) == row), where)
        raise
    return times


def _refuse(texts: pa.Array, wrong: pa.Array, where: str) -> None:
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        value = texts[row].as_py()
        raise InputError(f"{where}: the value {value!r} is no time; times are {FORMS}")
