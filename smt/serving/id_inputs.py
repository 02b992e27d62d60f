"""How a caller makes the ids that programs take of raw values."""

from typing import Literal

from pydantic import PositiveInt

from smt.data import Schema
from smt.data.id_ranges import id_bounds
from smt.data.reading import Reading
from smt.data.schema import ID_LIST_KINDS, DataConstraint, Surface
from smt.serving.inputs import ProgramInputs
from smt.spec import Spec

RULES = {
    "unknown": "an id outside [0, num_ids) counts as id 0: programs see to it",
    "missing": "id 0; in a list, no element",
    "text": "what is coded is a value's text: a whole number has no fraction, exponent or plus "
    "(1.0 is 1), true is 1 and false is 0, spaces around it do not count",
    "number": "the id is the whole number that the text is",
    "hash": "1 + h mod (num_ids - 1), where h is BLAKE2b with a digest of 8 bytes (no key, salt "
    "or person) of the UTF-8 text, read as a little-endian unsigned number",
    "dictionary": "1 + the text's place, from 0, among the values that dictionaries.parquet has "
    "for the column whose ids they are (`of`); 0 where it is not there",
    "names": "the text's place, from 0, among `names`; 0 where it is not there",
    "infinity": "an infinite number is missing (NaN), and an element of an embedding that is not "
    "finite is 0: programs see to it",
}
"""In words, for callers in any language."""


class IdInput(Spec):
    """What one input of ids holds.

    Attributes:
        num_ids: Ids are in [0, num_ids).
        of: The column whose ids they are; its own name unless the schema names another.
        coding: One of `RULES`. Of a log that tells nothing of raw values ids are numbers.
        missing: Words that are no value, beside the empty text, null and NaN.
        names: Of the coding `names`.
    """

    num_ids: PositiveInt
    of: str
    coding: Literal["number", "hash", "dictionary", "names"]
    missing: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def id_inputs(schema: Schema, inputs: ProgramInputs, reading: Reading) -> dict[str, IdInput]:
    """Input -> how its ids are made: of single ids, lists, and the events of steps."""
    bounds = id_bounds(schema)
    found = {}
    for name in (*inputs.ids, *inputs.lists, *inputs.steps):
        if name not in bounds:
            continue
        column = schema.columns.get(name)
        of = column.of or name if isinstance(column, ID_LIST_KINDS) else name
        coded = reading.ids.get(of)
        found[name] = IdInput(
            num_ids=bounds[name],
            of=of,
            coding="number" if coded is None else coded.coding,
            missing=() if coded is None else coded.missing,
            names=_names(schema, name),
        )
    return found


def _names(schema: Schema, name: str) -> tuple[str, ...]:
    column = schema.columns.get(name)
    return (column.names or ()) if isinstance(column, Surface | DataConstraint) else ()
