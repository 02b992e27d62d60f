"""Files of lines and fields (CSV and its kin) as string columns; no value is interpreted."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from smt.data.sources.header_rows import is_row
from smt.data.sources.layouts import headerless
from smt.errors import InputError

DELIMITERS = (",", "\t", ";", "|", "::")
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
UNREADABLE = {
    b"PK\x03\x04": "is a zip archive; unpack it",
    b"\xff\xfe": "is written in UTF-16; write it in UTF-8",
    b"\xfe\xff": "is written in UTF-16; write it in UTF-8",
    b"ARROW1": "is an Arrow IPC file; write it as Parquet",
}
HEAD_BYTES = 1 << 20
BLOCK_BYTES = 1 << 23
LARGEST_BLOCK_BYTES = 1 << 30
FIRST_ROWS = 100
BLANK_LINES = re.compile(r"\A\s*[\r\n]")
TYPED_NAME = re.compile(r"(?P<name>.+):(?P<type>token|token_seq|float|float_seq)")
WRONG_WIDTH = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Header:
    """How the lines of a file are to be read.

    Attributes:
        names: Of the columns; types are taken off.
        types: By name, where the header has RecBole's (`user_id:token`), else empty.
        lines: Of the file's start that are no rows: the header, and blank ones before it.
        data_set: What publishes files of this layout; "" where it is not known.
    """

    names: tuple[str, ...]
    types: dict[str, str]
    delimiter: str
    lines: int
    data_set: str = ""


def read_header(file: Path, wanted: Sequence[str] | None, delimiter: str | None) -> Header:
    """Read the line of names that a file starts with.

    Args:
        wanted: Names that decide where several delimiters are possible; None: all are wanted.
        delimiter: What separates the names; None for the one of `DELIMITERS` beyond doubt.

    Raises:
        InputError: The file is empty or no text, has no header or no clear delimiter.
    """
    head = _read_head(file)
    if not head.strip():
        raise InputError(f"{file}: is empty; a header of column names and rows are needed")
    blank = next(count for count, line in enumerate(head.splitlines()) if line.strip())
    line = head.splitlines()[blank]
    layout = headerless(file, line)
    if layout and layout.names:
        return Header(layout.names, {}, layout.delimiter, blank, layout.data_set)
    if layout:
        raise InputError(f"{file}: is of {layout.data_set} and has no header; {layout.way_out}")
    possible = [delimiter] if delimiter else [one for one in DELIMITERS if one in line]
    headers = [_header(next(_records(head, one)), one, blank + 1) for one in possible or [","]]
    if wanted is not None:
        counts = [len({*header.names} & {*wanted}) for header in headers]
        headers = [
            header for header, count in zip(headers, counts, strict=True) if count == max(counts)
        ]
    if len(headers) > 1:
        named = " or ".join(repr(header.delimiter) for header in headers)
        raise InputError(f"{file}: its fields may be separated by {named}; say --delimiter")
    if is_row(headers[0].names, _first_rows(head, headers[0].delimiter), wanted):
        raise InputError(
            f"{file}: has no header, as its first line {line[:80]!r} is a row; "
            "write a line of column names before it, or if it is one, names that are no numbers"
        )
    return headers[0]


def read_delimited(file: Path, header: Header, columns: Sequence[str]) -> pa.Table:
    """Read columns as texts; quoted fields may hold delimiters and line breaks (RFC 4180).

    Raises:
        InputError: A row has too few or too many fields, or a quote is not closed.
        pyarrow.ArrowException: A text is not UTF-8.
        OSError: The file cannot be decompressed.
    """
    if header.lines and _is_one_line(file):
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    block_bytes = BLOCK_BYTES
    while True:
        try:
            table = _parse(file, header, columns, block_bytes)
            break
        except pa.ArrowInvalid as error:
            # A field is longer than a block, or a quote that nothing closes makes it look so.
            if "straddling" not in str(error):
                raise _misfit(file, header, columns, block_bytes, error) from None
            if block_bytes >= LARGEST_BLOCK_BYTES:
                raise InputError(f"{file}: {_unclosed(file, header)}") from None
            block_bytes = min(16 * block_bytes, LARGEST_BLOCK_BYTES)
    if len(header.delimiter) == 1 and table.num_rows + bool(header.lines) < _count_lines(file):
        problem = _unclosed(file, header)
        if problem:
            raise InputError(f"{file}: {problem}")
    return table


@contextmanager
def open_text(file: Path) -> Iterator[pa.NativeFile]:
    """The bytes of a file, decompressed by what they are, whatever its name.

    Raises:
        InputError: The file is of a format that is not read.
    """
    with file.open("rb") as raw:
        start = raw.read(8)
    for magic, problem in UNREADABLE.items():
        if start.startswith(magic):
            raise InputError(f"{file}: {problem}")
    codec = next((codec for magic, codec in MAGIC.items() if start.startswith(magic)), None)
    with pa.input_stream(str(file), compression=codec) as stream:
        yield stream


def _read_head(file: Path) -> str:
    with open_text(file) as stream:
        head: bytes = stream.read(HEAD_BYTES)
    if b"\0" in head:
        raise InputError(f"{file}: is no text in UTF-8, plain or compressed by gzip, zstd or bz2")
    return head.decode("utf-8-sig", errors="replace")


def _is_one_line(file: Path) -> bool:
    head = _read_head(file)
    return len(head) < HEAD_BYTES and len(head.strip().splitlines()) == 1


def _records(head: str, delimiter: str) -> Iterator[list[str]]:
    """The fields of a file's first lines, from the first on that is not blank."""
    lines = io.StringIO(BLANK_LINES.sub("", head), newline="")
    if len(delimiter) > 1:
        return (line.strip().split(delimiter) for line in lines)
    return csv.reader(lines, delimiter=delimiter)


def _first_rows(head: str, delimiter: str) -> list[list[str]]:
    """The fields of some lines below the header, as far as they can be read."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(_records(head, delimiter), 1, FIRST_ROWS))
    # The last one may be cut.
    return rows[:-1] if len(head) >= HEAD_BYTES and len(rows) < FIRST_ROWS - 1 else rows


def _header(fields: list[str], delimiter: str, lines: int) -> Header:
    matches = [match for field in fields if (match := TYPED_NAME.fullmatch(field))]
    if len(matches) < len(fields):
        return Header(tuple(fields), {}, delimiter, lines)
    types = {match["name"]: match["type"] for match in matches}
    return Header(
        tuple(match["name"] for match in matches), types, delimiter, lines, "RecBole's atomic files"
    )


def _parse(
    file: Path, header: Header, columns: Sequence[str], block_bytes: int, *, threads: bool = True
) -> pa.Table:
    # Arrow's delimiter is one character: between the halves of '::' lies an empty field.
    width = len(header.delimiter)
    places = [str(place) for place in range(width * (len(header.names) - 1) + 1)]
    wanted = {str(width * header.names.index(name)): name for name in columns}
    with open_text(file) as stream:
        table = arrow_csv.read_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=places,
                skip_rows_after_names=header.lines,
                block_size=block_bytes,
                use_threads=threads,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=header.delimiter[0],
                quote_char='"' if width == 1 else False,
                newlines_in_values=width == 1,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=list(wanted) or places[:1],
                null_values=[],
            ),
        )
    return table.select(list(wanted)).rename_columns(list(wanted.values()))


def _misfit(
    file: Path, header: Header, columns: Sequence[str], block_bytes: int, error: pa.ArrowInvalid
) -> InputError:
    """Arrow's error as a sentence; only one thread knows the number of the row."""
    try:
        _parse(file, header, columns, block_bytes, threads=False)
    except pa.ArrowInvalid as numbered:
        error = numbered
    match = WRONG_WIDTH.search(str(error))
    if match is None:
        return InputError(f"{file}: cannot be read: {error}")
    fields, expected = ((int(n) - 1) // len(header.delimiter) + 1 for n in (match[3], match[2]))
    return InputError(
        f"{file}: row {match[1]} (the header is row 1) has {fields} fields, not {expected}: "
        f"{match[4][:80]!r}; quote a field that holds {header.delimiter!r}"
    )


def _count_lines(file: Path) -> int:
    """Lines of a file that are not blank."""
    with open_text(file) as stream:
        return sum(bool(line.strip()) for line in io.BufferedReader(stream))


def _unclosed(file: Path, header: Header) -> str | None:
    """What is wrong with the file's quotes: Arrow joins rows between stray ones silently."""
    limit = csv.field_size_limit(LARGEST_BLOCK_BYTES)
    try:
        with open_text(file) as stream:
            text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
            reader = csv.reader(text, delimiter=header.delimiter, strict=True)
            try:
                for _ in reader:
                    pass
            except csv.Error as error:
                return f"a quote does not close its field before line {reader.line_num}: {error}"
    finally:
        csv.field_size_limit(limit)
    return None
