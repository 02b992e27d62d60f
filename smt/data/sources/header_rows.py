"""Whether the first line of a file of fields is a header, or a row like those beneath it."""

import math
from collections.abc import Sequence

from smt.data.sources.missing import NOT_A_NUMBER, USUAL_WORDS, number_of
from smt.data.sources.raw_columns import ODD_WORDS

NO_VALUES = {word.lower() for word in ("", *NOT_A_NUMBER, *USUAL_WORDS, *ODD_WORDS)}
"""Fields of rows that tell nothing of their columns, in lower case."""


def is_row(
    names: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str] | None
) -> bool:
    """Whether a first line is rather a row: it holds numbers, and looks like the rows beneath.

    It is a header if a name of it is wanted, stands above numbers alone, or has no digit where
    all values beneath have some: names such as `0` and `1` beside it are of a pivoted table.

    Args:
        names: The fields of the first line.
        rows: Those of the first lines beneath it.
        wanted: Names of columns that the reader is asked for; None where that is for all.
    """
    if wanted is not None and {*wanted} & {*names}:
        return False
    if wanted is None and list(names) == [str(number) for number in range(len(names))]:
        return False
    if not any(map(_is_number, names)):
        return False
    whole = [row for row in rows if len(row) == len(names)]
    for place, name in enumerate(names):
        beneath = [row[place] for row in whole if not _is_no_value(row[place])]
        if beneath and _is_name(name):
            digits = all(map(_has_digit, beneath)) and not _has_digit(name)
            if digits or all(map(_is_number, beneath)):
                return False
    return True


def _is_name(field: str) -> bool:
    return not _is_no_value(field) and not _is_number(field)


def _is_no_value(field: str) -> bool:
    return field.strip().lower() in NO_VALUES


def _has_digit(field: str) -> bool:
    return any(map(str.isdigit, field))


def _is_number(field: str) -> bool:
    """Columns may be called `nan` and `inf`."""
    number = number_of(field)
    return number is not None and math.isfinite(number)
