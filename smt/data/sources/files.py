"""Interim until the files helper's module."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from smt.errors import InputError
from smt.spec import suggest


def read_files(sources, columns):
    return {str(file): _read(Path(file), list(columns)) for file in sources}


def _read(file, names):
    if not file.is_file():
        raise InputError(f"{file}: no such file")
    try:
        if file.suffix == ".parquet":
            _require_columns(file, pq.read_schema(file).names, names)
            return pq.read_table(file, columns=names)
        if not file.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{file}: must end in .csv, .csv.gz or .parquet")
        with csv.open_csv(file, parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
            _require_columns(file, reader.schema.names, names)
        options = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            strings_can_be_null=False,
        )
        return csv.read_csv(
            file, convert_options=options, parse_options=csv.ParseOptions(newlines_in_values=True)
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file}: {error}") from None


def _require_columns(file, there, names):
    for name in names:
        if name not in there:
            raise InputError(
                f"{file}: lacks the column '{name}' that the schema names; {suggest(name, there)}"
            )
