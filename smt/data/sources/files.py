"""Which files a log is made of, and their columns as they stand there."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smt.data.sources.delimited import Header, read_delimited, read_header
from smt.data.sources.derived import ROW_NUMBER, Origin, derive, source_of
from smt.data.sources.layouts import COMPRESSED
from smt.errors import InputError
from smt.spec import suggest

PARQUET = (".parquet", ".pq")
DELIMITED = (".csv", ".tsv", ".txt", ".dat", ".data", ".inter")
SUFFIXES = (*DELIMITED, *PARQUET)
ARROW_ERRORS = (pa.ArrowException, OSError)
HIVE_MISSING = "__HIVE_DEFAULT_PARTITION__"


def read_files(
    sources: Sequence[str | Path],
    columns: Sequence[str] | None = None,
    *,
    delimiter: str | None = None,
    labels: Collection[str] = (),
) -> dict[str, pa.Table]:
    """Read columns of CSV-like and Parquet files, file by file.

    Columns of texts are string columns in which a field without a character is ""; columns of
    Parquet keep their Arrow types. A folder `day=3` on a file's way is a column `day` of texts,
    unless the file itself has one. A label that no column has may be made of one, as
    `smt.data.sources.derived` says; `row_number` counts the rows where no column is called so.

    Args:
        sources: Files, plain or compressed (gzip, zstd, bz2), and folders of them.
        columns: Columns to read, in this order; None for all of each file.
        delimiter: Between the fields of a line; None where the header tells.
        labels: Those of `columns` that are labels.

    Returns:
        A table by file (its path as a text), in the order of the paths, however they are given.

    Raises:
        InputError: Names the file, and the column or row that is wrong.
    """
    if not sources:
        raise InputError("--source names no file; give at least one CSV or Parquet file")
    files = list_files(sources)
    read = {str(file): _read(file, columns, delimiter, labels) for file in files}
    tables = _with_labels(read)
    if not any(table.num_rows for table in tables.values()):
        raise InputError(f"{', '.join(tables)}: no row below the header; a log needs rows")
    return tables if columns is None else _numbered(tables, columns)


def list_files(sources: Sequence[str | Path]) -> list[Path]:
    """The files that sources name or hold, sorted by path.

    Raises:
        InputError: A source does not exist, is of another format, or names a file again.
    """
    files = [file for source in sources for file in _files_of(Path(source))]
    given = Counter(file.resolve() for file in files)
    for file in files:
        if given[file.resolve()] > 1:
            raise InputError(f"{file}: is given twice, so its rows would count twice")
    return sorted(files, key=str)


def is_parquet(file: Path) -> bool:
    """Whether a file is Parquet, by its name or first bytes."""
    with file.open("rb") as stream:
        return file.suffix.lower() in PARQUET or stream.read(4) == b"PAR1"


def _files_of(source: Path) -> list[Path]:
    if source.is_file():
        return [_of_known_format(source)]
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder")
    files = [
        _of_known_format(file)
        for file in source.rglob("*")
        if file.is_file() and not _is_hidden(file.relative_to(source))
    ]
    if not files:
        raise InputError(f"{source}: holds no file that ends in {' or '.join(SUFFIXES)}")
    return files


def _is_hidden(path: Path) -> bool:
    """Files such as `_SUCCESS` and `.part-0.crc`, which are no data in any tool's eyes."""
    return any(part.startswith((".", "_")) and "=" not in part for part in path.parts)


def _of_known_format(file: Path) -> Path:
    name = file.with_suffix("") if file.suffix.lower() in COMPRESSED else file
    # Hadoop's `part-00000` has no suffix.
    if name.suffix.lower() not in ("", *SUFFIXES):
        raise InputError(
            f"{file}: must end in {', '.join(DELIMITED)} (or with {', '.join(COMPRESSED)} behind "
            f"it), {' or '.join(PARQUET)}"
        )
    return file


def _partitions(file: Path) -> dict[str, str]:
    """The columns that the names of a file's folders hold, as Hive and Spark write them."""
    pairs = [part.partition("=") for part in file.parent.parts if "=" in part]
    values = {name: unquote(value) for name, _, value in pairs if name}
    return {name: "" if value == HIVE_MISSING else value for name, value in values.items()}


def _read(
    file: Path, columns: Sequence[str] | None, delimiter: str | None, labels: Collection[str]
) -> tuple[pa.Table, dict[str, str]]:
    """The columns of a file, those that labels are made of under the labels' names.

    Returns:
        The table, and by column the one of the file that it is or is to be made of.
    """
    partitions = _partitions(file)
    try:
        header = _header(file, columns, delimiter)
        names = header.names if isinstance(header, Header) else header
        _refuse_twins(file, names)
        sources = _sources(file, columns or names, [*names, *partitions], labels)
        stored = [name for name in dict.fromkeys(sources.values()) if name in names and name]
        if isinstance(header, Header):
            table = read_delimited(file, header, stored)
        else:
            with pq.ParquetFile(file) as parquet:
                # Parquet's reader takes a dot for a way into a struct and may read more.
                table = parquet.read(stored).select(stored)
    except ARROW_ERRORS as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: cannot be read: {reason}") from None
    for name, value in partitions.items():
        if name not in stored and (columns is None or name in sources.values()):
            table = table.append_column(name, pa.repeat(value, table.num_rows))
    if columns is None:
        return table, {}
    lost = set(sources.values()) - set(table.column_names)
    if lost:
        # Arrow's readers of text do not select a column whose name is empty.
        raise InputError(
            f"{file}: column '{min(lost)}' cannot be read by its name; rename it there"
        )
    return pa.table({name: table[source] for name, source in sources.items()}), sources


def _with_labels(read: dict[str, tuple[pa.Table, dict[str, str]]]) -> dict[str, pa.Table]:
    """The tables with the labels that are made of other columns, of all files together."""
    tables = {file: table for file, (table, _) in read.items()}
    origins: dict[str, dict[str, Origin]] = {}
    for file, (table, sources) in read.items():
        for name, source in sources.items():
            if name != source:
                where = f"{file}: column '{source}'"
                origins.setdefault(name, {})[file] = Origin(source, table[name], where)
    for name, of_files in origins.items():
        for file, label in zip(of_files, derive(list(of_files.values()), name), strict=True):
            place = tables[file].column_names.index(name)
            tables[file] = tables[file].set_column(place, name, label)
    return tables


def _header(file: Path, columns: Sequence[str] | None, delimiter: str | None) -> Header | list[str]:
    """What a file says of its columns; of Parquet, their names alone."""
    if not is_parquet(file):
        return read_header(file, columns, delimiter)
    names: list[str] = pq.read_schema(file).names
    return names


def _refuse_twins(file: Path, names: Sequence[str]) -> None:
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{file}: has {names.count(name)} columns '{name}'; rename the others")


def _sources(
    file: Path, columns: Sequence[str], known: list[str], labels: Collection[str]
) -> dict[str, str]:
    """By wanted column, the column of the file that it is, or is made of."""
    sources = {name: name for name in columns if name in known}
    for name in columns:
        if name in sources or name == ROW_NUMBER:
            continue
        source = source_of(name, known) if name in labels else None
        if source is None:
            what = "the label" if name in labels else "the column"
            raise InputError(
                f"{file}: lacks {what} '{name}' that the schema names; {suggest(name, known)}"
            )
        sources[name] = source
    return sources


def _numbered(tables: dict[str, pa.Table], columns: Sequence[str]) -> dict[str, pa.Table]:
    """The tables, with the numbers of their rows where these are wanted and no column."""
    start = 0
    numbered = {}
    for file, table in tables.items():
        if ROW_NUMBER in columns and ROW_NUMBER not in table.column_names:
            numbers = pa.array(np.arange(start, start + table.num_rows))
            table = table.append_column(ROW_NUMBER, numbers)
        numbered[file] = table.select(columns)
        start += table.num_rows
    return numbered
