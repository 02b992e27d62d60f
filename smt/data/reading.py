"""How raw values became a log's columns, so that a caller who serves can do the same."""

from collections.abc import Mapping
from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from smt.data.columns import Order, Unit
from smt.spec import Spec


class IdCoding(Spec):
    """How the ids of a column, and of all that share them, are made of raw values.

    Attributes:
        coding: `number`: a whole number is the id. `hash`: a name's id is a hash of its text in
            [1, num_ids), see `smt.data.coding.Hashing`. `dictionary`: 1, 2, … for the
            known names in order. `names`: the place among the schema's `names`.
        missing: Words that are no value, beside the empty text, null and NaN: id 0.
        names: Different raw values of all columns that share these ids.
        ids: Different ids that they became.
        sharing: Names whose id is another name's too.
        missing_rows: Rows (or elements of lists) without a value, by column.
    """

    coding: Literal["number", "hash", "dictionary", "names"]
    num_ids: PositiveInt
    missing: tuple[str, ...]
    names: NonNegativeInt
    ids: NonNegativeInt
    sharing: NonNegativeInt
    missing_rows: Mapping[str, NonNegativeInt]


class Reading(Spec):
    """What was decided over all raw files together.

    Attributes:
        ids: By the column whose ids they are; others name it in the schema (`of`).
        units: By stored column of times or delays: what its whole numbers counted.
        orders: By sequence: where its raw lists begin.
        separators: By column of lists that were texts.
    """

    ids: Mapping[str, IdCoding] = {}
    units: Mapping[str, Unit] = {}
    orders: Mapping[str, Order] = {}
    separators: Mapping[str, str] = {}


NOT_READ = Reading()
"""Of a log that was not made of raw values."""
