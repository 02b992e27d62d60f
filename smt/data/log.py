"""A log on disk or in memory: a schema and two windows, train before test.

On disk a log is a folder: `schema.yaml`, `train/*.parquet`, `test/*.parquet` (one row an
impression, in time order), `log.json` (rows, content hash, how raw values became its columns,
what the source reported) and, where ids stand for names of a dictionary, these.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq

from smt.data.coding import Dictionary
from smt.data.columns import (
    EVENT_KINDS,
    Embedding,
    Event,
    IdList,
    Numeric,
    Propensity,
    Sequence,
    Value,
    Weight,
)
from smt.data.dictionaries import write_dictionaries
from smt.data.filter import Filter, expression
from smt.data.id_ranges import largest_ids, require_ids
from smt.data.memory import window_memory
from smt.data.reading import NOT_READ, Reading
from smt.data.schema import Schema
from smt.data.time_order import cut_row, cut_rows, time_order
from smt.errors import InputError
from smt.spec import decode_yaml, digest
from smt.storage import filesystem_of

ROW_GROUP_ROWS = 65_536
# Ids, names' places and times are int64.
_ARROW_TYPES: dict[type, pa.DataType] = {
    Numeric: pa.float32(),
    IdList: pa.list_(pa.int64()),
    Sequence: pa.list_(pa.int64()),
    Event: pa.int8(),
    Value: pa.float32(),
    Weight: pa.float32(),
    Propensity: pa.float32(),
}


@dataclass(frozen=True)
class Log:
    """A schema with its training window and the test window that follows it.

    `train` and `test` are Arrow tables (in memory) or datasets (on disk, nothing read yet).
    `digest` identifies the content, `reading` how its columns were made of raw values, `report`
    is what its source reported.
    """

    schema: Schema
    train: pa.Table | ds.Dataset
    test: pa.Table | ds.Dataset
    digest: str
    reading: Reading = NOT_READ
    report: Mapping[str, Any] = field(default_factory=dict)

    def load(self, columns: Iterable[str]) -> "Log":
        """Read the given columns of both windows into memory, one chunk a column.

        Raises:
            InputError: A file is damaged.
        """
        names = list(dict.fromkeys(columns))
        train, test = (_read(window, names) for window in (self.train, self.test))
        return replace(self, train=train, test=test)

    def hold_out(self, share: float, where: Filter | None = None) -> "Log":
        """The training window alone, cut in two: the last of its rows are the new test window.

        Nothing is copied, and of a window on disk the times alone are read. The cut falls
        between two timestamps, so no moment is on both sides, at the place nearest to the share.

        Args:
            share: Of the rows that `where` keeps, how many are held out; of all rows where None.

        Raises:
            InputError: The rows have too few distinct timestamps.
        """
        name = self.schema.timestamp
        window = ds.dataset(self.train) if isinstance(self.train, pa.Table) else self.train
        kept = expression(where or {}, self.schema)
        times = window.to_table(columns=[name], filter=kept)[name].to_numpy()
        cut = int(times[cut_row(times, name, share)])
        train, test = cut_rows(self.train, name, cut)
        log_digest = digest([self.digest, "before", cut])
        return replace(self, train=train, test=test, digest=log_digest)

    def memory(self, columns: Collection[str]) -> int:
        """Bytes that these columns of both windows take once they are loaded; none is read."""
        return sum(window_memory(window, columns) for window in (self.train, self.test))

    @property
    def files(self) -> tuple[str, ...]:
        """The Parquet files of both windows; none where they are in memory."""
        windows = (self.train, self.test)
        return tuple(
            file
            for window in windows
            if isinstance(window, ds.FileSystemDataset)
            for file in window.files
        )

    @property
    def on_local_disk(self) -> bool:
        """Whether its files are on a disk of this machine, which others may not see."""
        return any(
            isinstance(window, ds.FileSystemDataset)
            and isinstance(window.filesystem, fs.LocalFileSystem)
            for window in (self.train, self.test)
        )


def arrow_schema(schema: Schema) -> pa.Schema:
    """The Parquet schema of a log: one non-null field a stored column, with what goes with it."""
    fields = []
    for name, column in schema.stored.items():
        if isinstance(column, Embedding):
            kind: pa.DataType = pa.list_(pa.float32(), column.dim)
        else:
            kind = _ARROW_TYPES.get(type(column), pa.int64())
        fields.append(pa.field(name, kind, nullable=False))
        if isinstance(column, Sequence):
            steps = pa.list_(pa.int64())
            fields += [pa.field(step, steps, nullable=False) for step in column.steps]
        elif isinstance(column, EVENT_KINDS):
            if column.delay is not None:
                fields.append(pa.field(column.delay, pa.int64(), nullable=False))
            if column.truth is not None:
                fields.append(pa.field(column.truth, pa.float32(), nullable=False))
            if isinstance(column, Value) and column.floor is not None:
                fields.append(pa.field(column.floor, pa.float32(), nullable=False))
    return pa.schema(fields)


def split_by_time(
    table: pa.Table, schema: Schema, test_share: float, *, ordered: bool = False
) -> tuple[pa.Table, pa.Table]:
    """Put rows in order of time and cut: about the last `test_share` is the test window.

    The cut falls between two timestamps, so no moment is in both windows, at the place nearest
    to the share; see `smt.data.time_order` for that and for the order within a moment.

    Args:
        ordered: The rows are in order of time already; those of one moment stay as they are.

    Raises:
        InputError: All rows have one timestamp.
    """
    if not ordered:
        order = time_order(table, schema, arrow_schema(schema))
        table = table.take(pa.array(order)).combine_chunks()
    times = pc.cast(table[schema.timestamp], pa.int64()).to_numpy()
    cut = cut_row(times, schema.timestamp, test_share)
    return table.slice(0, cut), table.slice(cut)


def require_empty(out: str | Path) -> None:
    """Raise `InputError` unless a folder can be made at `out`, or is there and empty."""
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; choose another --out")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; choose another --out or remove it first")


def write_log(
    out: str | Path,
    schema: Schema,
    train: pa.Table,
    test: pa.Table,
    report: dict[str, Any] | None = None,
    *,
    row_group_rows: int = ROW_GROUP_ROWS,
    reading: Reading = NOT_READ,
    dictionaries: Mapping[str, Dictionary] | None = None,
) -> Log:
    """Write a log folder and open it. `report` (plain data) is kept in `log.json`.

    Args:
        row_group_rows: Rows that are read at once. Where several workers train on large
            batches, a worker's share of one: each then decodes its own row groups only.
        reading: How the columns were made of raw values.
        dictionaries: Of the id columns whose coding is `dictionary`.

    Raises:
        InputError: `out` holds files already, a column is missing or not of its kind, or an id
            is outside [0, num_ids).
    """
    out = Path(out)
    if row_group_rows < 1:
        raise InputError(f"row_group_rows is {row_group_rows}; a row group has at least one row")
    require_empty(out)
    target = arrow_schema(schema)
    tables = {"train": _conform(train, target), "test": _conform(test, target)}
    largest = largest_ids(pa.concat_tables(tables.values()), schema)
    hashes = {}
    for window, table in tables.items():
        folder = out / window
        folder.mkdir(parents=True)
        file = folder / "part-0.parquet"
        pq.write_table(table, file, row_group_size=row_group_rows, compression="zstd")
        hashes[window] = _hash_file(file)
    schema.dump(out / "schema.yaml")
    document = {
        "rows": {window: table.num_rows for window, table in tables.items()},
        "digest": digest([schema.to_dict(), hashes]),
        "largest_ids": largest,
        "reading": reading.to_dict(),
        "report": report or {},
    }
    write_dictionaries(out, dictionaries or {})
    (out / "log.json").write_text(json.dumps(document, indent=2))
    return open_log(out)


def open_log(path: str | Path) -> Log:
    """Open a log folder (a local path or a URI that pyarrow knows) without reading rows.

    Raises:
        InputError: A part of the folder is missing or damaged, naming it.
    """
    filesystem, root = filesystem_of(str(path))
    parts = {}
    for name in ("schema.yaml", "log.json"):
        try:
            with filesystem.open_input_file(f"{root}/{name}") as stream:
                parts[name] = stream.read()
        except FileNotFoundError:
            raise InputError(
                f"{path}: not a log, it has no {name}; make one with experiments/prepare_data.py"
            ) from None
    source = f"{path}/schema.yaml"
    schema = Schema.parse(decode_yaml(parts["schema.yaml"], source=source), source=source)
    record = json.loads(parts["log.json"])
    if "largest_ids" not in record:
        raise InputError(f"{path}/log.json: does not say that ids were checked; prepare it again")
    require_ids(record["largest_ids"], schema, str(path))
    train, test = (_open_window(filesystem, f"{root}/{name}") for name in ("train", "test"))
    reading = Reading.parse(record["reading"], source=f"{path}/log.json")
    return Log(schema, train, test, record["digest"], reading, record["report"])


def _open_window(filesystem: fs.FileSystem, path: str) -> ds.Dataset:
    try:
        return ds.dataset(path, filesystem=filesystem, format="parquet")
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None


def _read(window: pa.Table | ds.Dataset, names: list[str]) -> pa.Table:
    if isinstance(window, pa.Table):
        return window.select(names).combine_chunks()
    try:
        return window.to_table(columns=names).combine_chunks()
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(", ".join(window.files), error) from None


def _damaged(path: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:300]
    return InputError(f"{path}: cannot be read; prepare the log again: {reason}")


def _conform(table: pa.Table, target: pa.Schema) -> pa.Table:
    missing = [name for name in target.names if name not in table.column_names]
    if missing:
        raise InputError(f"the log lacks the column '{missing[0]}' that its schema names")
    for name in target.names:
        if table[name].null_count:
            raise InputError(f"column '{name}' has {table[name].null_count} nulls after conversion")
    return table.select(target.names).cast(target)


def _hash_file(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
