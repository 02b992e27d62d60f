"""Which rows of a log a model uses, as data that Arrow can push down to Parquet."""

import math
from collections.abc import Mapping
from functools import reduce
from operator import and_

import pyarrow.compute as pc

from smt.data.columns import Numeric, Propensity, Weight
from smt.data.schema import Schema
from smt.errors import InputError
from smt.spec import Spec, suggest

_FLOATS = (Numeric, Propensity, Weight)


class Range(Spec):
    """Rows whose value is at least `at_least` and below `below`; either may be left out."""

    at_least: float | None = None
    below: float | None = None


Condition = int | float | tuple[int | float, ...] | Range
Filter = Mapping[str, Condition]


def expression(where: Filter, schema: Schema) -> pc.Expression | None:
    """The Arrow expression of a filter: all its conditions hold; None where it has none.

    Args:
        where: column -> a value, several allowed values, or a `Range`.

    Raises:
        InputError: The filter names a column that the log lacks.
    """
    terms = []
    for column, condition in where.items():
        known = list(schema.stored)
        if column not in known:
            raise InputError(f"filter on unknown column '{column}'; {suggest(column, known)}")
        field = pc.field(column)
        if isinstance(condition, Range):
            whole = not isinstance(schema.stored[column], _FLOATS)
            if condition.at_least is not None:
                terms.append(field >= _bound(condition.at_least, whole))
            if condition.below is not None:
                terms.append(field < _bound(condition.below, whole))
        elif isinstance(condition, tuple):
            terms.append(field.isin(list(condition)))
        else:
            terms.append(field == condition)
    return reduce(and_, terms) if terms else None


def _bound(value: float, whole: bool) -> int | float:
    """A bound of a column; of whole numbers, the least that is not below it.

    Arrow reads a float that float32 holds as one, and refuses to compare it with larger integers.
    """
    return math.ceil(value) if whole and math.isfinite(value) else value


def describe(where: Filter) -> str:
    """The filter as a person would write it, for messages: `tab = 1 and age >= 18`."""
    parts = []
    for column, condition in where.items():
        if isinstance(condition, Range):
            if condition.at_least is not None:
                parts.append(f"{column} >= {condition.at_least:g}")
            if condition.below is not None:
                parts.append(f"{column} < {condition.below:g}")
        elif isinstance(condition, tuple):
            parts.append(f"{column} in {list(condition)}")
        else:
            parts.append(f"{column} = {condition}")
    return " and ".join(parts) or "all rows"
