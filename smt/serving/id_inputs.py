"""How a caller makes what programs take of raw values."""

from typing import Literal

from pydantic import PositiveInt

from smt.data import Schema
from smt.data.columns import Column, Sequence
from smt.data.id_ranges import id_bounds
from smt.data.reading import Reading
from smt.data.sources.ids import names_of
from smt.serving.inputs import ProgramInputs
from smt.spec import Spec

RULES = {
    "unknown": "an id outside [0, num_ids) counts as id 0: programs see to it",
    "missing": "id 0; in a list, no element: the empty text, null, NaN and, of what `reading` has "
    "for the column, the words `missing`",
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
        names: Of the coding `names`.
    """

    num_ids: PositiveInt
    of: str
    coding: Literal["number", "hash", "dictionary", "names"]
    names: tuple[str, ...] = ()


def id_inputs(schema: Schema, inputs: ProgramInputs, reading: Reading) -> dict[str, IdInput]:
    """Input -> how its ids are made: of single ids, lists, and the events of steps."""
    bounds = id_bounds(schema)
    codings = {}
    for name in (*inputs.ids, *inputs.lists, *inputs.steps):
        if name not in bounds:
            continue
        of = schema.ids_of(name) if name in schema.columns else name
        coded = reading.ids.get(of)
        codings[name] = IdInput(
            num_ids=bounds[name],
            of=of,
            coding="number" if coded is None else coded.coding,
            names=names_of(schema.columns.get(of)),
        )
    return codings


def schema_of(schema: Schema, inputs: ProgramInputs) -> Schema:
    """The part of a log's schema that says how these inputs are read of raw rows."""
    owners = {schema.ids_of(name) for name in (*inputs.ids, *inputs.lists)}
    kept = {*inputs.features, *owners, schema.timestamp}
    columns = {name: column for name, column in schema.columns.items() if name in kept}
    return Schema(columns={name: _read_alone(column, inputs) for name, column in columns.items()})


def reading_of(schema: Schema, reading: Reading) -> Reading:
    """What was decided of the columns of a part of a log's schema."""
    names = {*schema.columns, *schema.steps}
    return Reading.model_validate(
        {
            what: {name: decided for name, decided in by_column.items() if name in names}
            for what, by_column in reading
        }
    )


def _read_alone(column: Column, inputs: ProgramInputs) -> Column:
    """A sequence without the columns of steps that no program reads."""
    if not isinstance(column, Sequence):
        return column
    change: dict[str, None] = {}
    if column.events not in inputs.steps:
        change |= {"events": None, "num_events": None}
    if column.timestamps not in inputs.steps:
        change |= {"timestamps": None, "unit": None}
    return column.model_copy(update=change)
