"""The dictionaries of a log's id columns, in a file of the log's folder."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from smt.data.coding import Dictionary
from smt.storage import filesystem_of

DICTIONARIES = "dictionaries.parquet"


def write_dictionaries(out: Path, dictionaries: Mapping[str, Dictionary]) -> None:
    """Write what `open_dictionaries` reads into a folder; nothing where there is none."""
    if dictionaries:
        (out / DICTIONARIES).write_bytes(dictionaries_file(dictionaries))


def dictionaries_file(dictionaries: Mapping[str, Dictionary]) -> bytes:
    """The content of the file that holds them."""
    parts = [
        pa.table({"column": pa.repeat(name, len(known.values)), "value": known.values})
        for name, known in dictionaries.items()
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables(parts), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def open_dictionaries(path: str | Path) -> dict[str, Dictionary]:
    """The dictionaries of a log folder's id columns: id 1 + place for each value."""
    filesystem, root = filesystem_of(str(path))
    try:
        with filesystem.open_input_file(f"{root}/{DICTIONARIES}") as stream:
            table = pq.read_table(stream)
    except FileNotFoundError:
        return {}
    columns = table["column"].combine_chunks()
    return {
        name: Dictionary(table.filter(pc.equal(columns, name))["value"].combine_chunks())
        for name in columns.unique().to_pylist()
    }
