"""A user's own CSV or Parquet files as a log, checked against a schema."""

from collections.abc import Sequence as Several
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from smt.data.log import arrow_schema
from smt.data.schema import ID_LIST_KINDS, SINGLE_ID_KINDS, Embedding, Schema, Sequence
from smt.data.sources import Source
from smt.data.sources.coding import flat
from smt.data.sources.table_columns import (
    delay_column,
    holds_ids,
    is_named,
    split_lists,
    step_column,
    to_log_column,
)
from smt.errors import InputError
from smt.spec import suggest

CSV_NULLS = ["", "NULL", "null", "NaN", "nan", "None"]


def read_table(files: Several[str | Path], schema: str | Path, *, separator: str = "|") -> Source:
    """Read files that have the columns of a schema; other columns are ignored.

    Ids that are whole numbers in all files stay as they are and must be below `num_ids`; any
    other text is hashed to [1, num_ids). A missing id is 0, a missing number NaN, a missing
    list empty; labels, times, weights and propensities may not be missing, nor the delay of
    what happened. A time is whole milliseconds since the epoch, an ISO 8601 text (UTC unless
    it says otherwise) or an Arrow timestamp. Lists are Arrow lists, or texts like `1|2|3`.

    Args:
        files: Files ending in .csv, .csv.gz or .parquet.
        schema: A YAML file like the `schema.yaml` of a log.
        separator: What separates the elements of a list in a text.

    Raises:
        InputError: Names the file, the column and the first value that does not fit.
    """
    wanted = Schema.load(schema)
    if not wanted.events:
        raise InputError(f"{schema}: names no column of kind 'event'; a log needs a label")
    if not files:
        raise InputError("--source names no file; give at least one CSV or Parquet file")
    if not separator:
        raise InputError("--separator must not be empty")
    tables = {Path(file): _split(_read(Path(file), wanted), wanted, separator) for file in files}
    hashed = frozenset(
        name
        for name in wanted.names(*SINGLE_ID_KINDS, *ID_LIST_KINDS)
        if not all(holds_ids(columns[name]) for columns in tables.values())
    )
    converted = [_convert(columns, wanted, hashed, file) for file, columns in tables.items()]
    return Source(
        schema=wanted,
        rows=pa.concat_tables(converted).combine_chunks(),
        reserved=frozenset(
            name
            for name in wanted.names(*SINGLE_ID_KINDS)
            if not is_named(wanted.stored[name])
            and (name in hashed or any(columns[name].null_count for columns in tables.values()))
        ),
        report={"source": "table", "files": [file.name for file in tables]},
    )


def _read(file: Path, schema: Schema) -> pa.Table:
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    names = arrow_schema(schema).names
    try:
        if file.suffix == ".parquet":
            _require_columns(file, pq.read_schema(file).names, names, schema)
            return pq.read_table(file, columns=names)
        if not file.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{file}: must end in .csv, .csv.gz or .parquet")
        with csv.open_csv(file) as reader:
            _require_columns(file, reader.schema.names, names, schema)
        options = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            null_values=CSV_NULLS,
            strings_can_be_null=True,
        )
        return csv.read_csv(file, convert_options=options)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file}: {error}") from None


def _require_columns(file: Path, found: list[str], names: list[str], schema: Schema) -> None:
    for name in names:
        if name not in found:
            what = "the label" if name in schema.events else "the column"
            raise InputError(
                f"{file}: lacks {what} '{name}' that the schema names; {suggest(name, found)}"
            )


def _split(table: pa.Table, schema: Schema, separator: str) -> dict[str, pa.Array]:
    lists = {*schema.names(*ID_LIST_KINDS, Embedding), *schema.steps}
    columns = {name: flat(table[name]) for name in table.column_names}
    plain = {
        name: values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        for name, values in columns.items()
    }
    return plain | {name: split_lists(plain[name], separator) for name in lists}


def _convert(
    columns: dict[str, pa.Array], schema: Schema, hashed: frozenset[str], file: Path
) -> pa.Table:
    converted = {
        name: to_log_column(
            columns[name], kind, hashed=name in hashed, where=f"{file}: column '{name}'"
        )
        for name, kind in schema.stored.items()
    }
    for step, name in schema.steps.items():
        sequence = schema.columns[name]
        assert isinstance(sequence, Sequence)
        codes = sequence.num_events if step == sequence.events else None
        where = f"{file}: column '{step}'"
        converted[step] = step_column(columns[step], converted[name], codes, where)
    for delay, event in schema.delays.items():
        where = f"{file}: column '{delay}'"
        converted[delay] = delay_column(columns[delay], converted[event], where)
    return pa.table(converted)
