"""Labels and numbers of files as a log has them, or an error that names the value."""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.coding import CAST_ERRORS
from smt.data.columns import Propensity, Weight
from smt.data.sources.arrow_types import TEXT, is_text, list_of
from smt.data.sources.missing import present
from smt.errors import InputError

TRUTHS = pa.array(["false", "true"], TEXT)
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
LARGEST_FLOAT32 = 3.4028234663852886e38


def numeric_column(values: pa.Array, given: Sequence[str] | None, where: str) -> pa.Array:
    """Numbers as float32, NaN where they are missing.

    Args:
        values: A plain array.
        given: The column's `missing`; it may name infinities.

    Raises:
        InputError: A value is no number, infinite, or too large for float32.
    """
    numbers = finite_numbers(values, given, where)
    refuse(numbers, pc.greater(pc.abs(numbers), LARGEST_FLOAT32), "is too large for float32", where)
    return pc.fill_null(numbers.cast(pa.float32()), float("nan"))


def finite_numbers(values: pa.Array, given: Sequence[str] | None, where: str) -> pa.Array:
    """Numbers as float64, null where they are missing.

    Args:
        values: A plain array.
        given: The column's `missing`; it may name infinities.

    Raises:
        InputError: A value is no number, or infinite.
    """
    numbers = present(_numbers(present(values, given), where), given)
    refuse(
        numbers,
        pc.is_inf(numbers),
        "is infinite; write it as missing, or set 'missing: [inf, -inf]' in the schema",
        where,
    )
    return numbers


def vector_column(lists: pa.Array, dim: int, where: str) -> pa.Array:
    """Vectors of `dim` float32 numbers.

    Raises:
        InputError: A list has another length, or an element is missing or not finite.
    """
    elements = numeric_column(lists.flatten(), None, where)
    vectors = list_of(elements, pc.list_value_length(lists), pc.is_null(lists))
    fits = pc.fill_null(pc.equal(pc.list_value_length(vectors), dim), False)
    refuse(vectors, pc.invert(fits), f"is not a list of {dim} numbers", where)
    refuse(elements, pc.is_nan(elements), "is missing", where)
    return pa.FixedSizeListArray.from_arrays(elements, dim)


def label_column(values: pa.Array, where: str) -> pa.Array:
    """Labels as int8: of any number, or text of one, that is 0 or 1.

    Raises:
        InputError: A label is missing, or something else.
    """
    values = present(values, ())
    if pa.types.is_nested(values.type):
        raise InputError(f"{where}: is of the type {values.type}, which is no label; write 0 or 1")
    refuse(values, pc.is_null(values), "is missing", where)
    encoded = values.dictionary_encode()
    given = encoded.dictionary
    if is_text(given.type):
        # A text that is no number is as little a label as any other number.
        truth = pc.is_in(pc.utf8_lower(given), TRUTHS)
        given = pc.if_else(pc.or_(truth, pc.match_substring_regex(given, NUMBER)), given, "-1")
    # The negative zero is zero.
    numbers = pc.add(_numbers(given, where), 0.0)
    fits = pc.is_in(numbers, pa.array([0.0, 1.0]))
    refuse(values, pc.invert(fits).take(encoded.indices), "is not 0 or 1", where)
    return numbers.cast(pa.int8()).take(encoded.indices)


def amount_column(values: pa.Array, where: str) -> pa.Array:
    """Labels that are amounts, as float32: finite, and not negative.

    Raises:
        InputError: One is missing, or something else; the error says how many are.
    """
    values = present(values, ())
    numbers = _numbers(values, where)
    fits = pc.and_(pc.greater_equal(numbers, 0), pc.less_equal(numbers, LARGEST_FLOAT32))
    wrong = pc.invert(pc.fill_null(fits, False))
    missing = pc.or_kleene(pc.is_null(numbers), pc.is_nan(numbers))
    counts = {
        "are missing": pc.fill_null(missing, True),
        "are negative": pc.less(numbers, 0),
        "are infinite or too large for float32": pc.greater(numbers, LARGEST_FLOAT32),
    }
    found = [f"{n:,} {what}" for what, rows in counts.items() if (n := pc.sum(rows).as_py())]
    problem = "is no finite number that is not negative; of all " + (
        f"{len(values):,} values, {', '.join(found)}: remove these rows, or write 0 for nothing"
    )
    refuse(values, wrong, problem, where)
    # The negative zero is zero.
    return pc.add(numbers, 0.0).cast(pa.float32())


def positive_column(values: pa.Array, kind: Weight | Propensity, where: str) -> pa.Array:
    """Weights or propensities as float32. Raises `InputError` where missing or out of range."""
    values = present(values, ())
    refuse(values, pc.is_null(values), "is missing", where)
    numbers = _numbers(values, where)
    if isinstance(kind, Weight):
        fits = pc.and_(pc.greater_equal(numbers, 0), pc.less_equal(numbers, LARGEST_FLOAT32))
        rule = "not negative, and finite"
    else:
        numbers = numbers.cast(pa.float32())
        fits = pc.and_(pc.greater(numbers, 0), pc.less_equal(numbers, 1))
        rule = "in (0, 1]"
    refuse(numbers, pc.invert(fits), f"must be {rule}", where)
    return numbers.cast(pa.float32())


def code_column(values: pa.Array, num_codes: int | None, where: str) -> pa.Array:
    """Whole numbers as int64: the event codes of steps, in [0, num_codes) where that is given.

    Raises:
        InputError: A value is missing, no whole number or outside.
    """
    values = present(values, ())
    refuse(values, pc.is_null(values), "is missing", where)
    numbers = values if pa.types.is_integer(values.type) else _numbers(values, where)
    if pa.types.is_floating(numbers.type):
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 2.0**53))
        refuse(values, pc.invert(whole), "is no whole number", where)
    codes = cast(numbers, pa.int64(), where)
    if num_codes is not None:
        outside = pc.or_(pc.less(codes, 0), pc.greater_equal(codes, num_codes))
        refuse(codes, outside, f"is outside [0, {num_codes})", where)
    return codes


def _numbers(values: pa.Array, where: str) -> pa.Array:
    """Any numbers, truths or texts of them as float64."""
    kind = values.type
    if is_text(kind):
        lowered = pc.utf8_lower(values)
        truth = pc.index_in(lowered, TRUTHS)
        # Arrow reads no plus sign.
        texts = pc.if_else(pc.is_valid(truth), truth.cast(TEXT), pc.utf8_ltrim(values, "+"))
        return cast(texts, pa.float64(), where, shown=values)
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).cast(pa.float64())
    if any(is_a(kind) for is_a in _NUMBERS):
        return values.cast(pa.float64(), safe=False)
    raise InputError(f"{where}: is of the type {kind}, which is no number; write it as one")


_NUMBERS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_null,
)


def cast(
    values: pa.Array, target: pa.DataType, where: str, *, shown: pa.Array | None = None
) -> Any:
    """The values as another type.

    Args:
        shown: The values as the file has them, for the error; these where None.

    Raises:
        InputError: The first value that cannot be of the type.
    """
    try:
        return values.cast(target)
    except CAST_ERRORS:
        place = _first_misfit(values, target)
        misfit = (values if shown is None else shown)[place].as_py()
        kind = "float" if pa.types.is_floating(target) else str(target)
        raise InputError(
            f"{where}: the value {misfit!r} cannot be read as {kind} (element {place + 1} of the "
            "column)"
        ) from None


def _first_misfit(values: pa.Array, target: pa.DataType) -> int:
    """Where the first value is that cannot be cast; Arrow's own message names any of them."""
    good, bad = 0, len(values)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            values.slice(0, middle).cast(target)
            good = middle
        except CAST_ERRORS:
            bad = middle
    return good


def refuse(values: pa.Array, wrong: pa.Array, problem: str, where: str) -> None:
    """Raise `InputError` with the first of the values that are marked as wrong."""
    rows = pc.fill_null(wrong, False).to_numpy(zero_copy_only=False).nonzero()[0]
    if len(rows):
        value = values[int(rows[0])].as_py()
        shown = "a value" if value is None else f"the value {value!r}"
        raise InputError(f"{where}: {shown} {problem} (element {rows[0] + 1} of the column)")
