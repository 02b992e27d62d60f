"""What another system predicted of a log's impressions: Parquet, joined by raw ids and times.

Ids and times are coded as those of the log were. A row with an id that the log does not know is of
none of its impressions, and is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as fs

from smt.data.coding import CAST_ERRORS
from smt.data.columns import Timestamp
from smt.data.sources.arrow_types import plain
from smt.data.sources.ids import names_of
from smt.data.sources.raw_rows import Codings, read_ids, read_milliseconds
from smt.errors import InputError
from smt.spec import suggest
from smt.storage import filesystem_of

KEY, LEAST, MOST, FINITE = "key", "least", "most", "finite"
"""Of columns' names, with the place of the key or the event."""


@dataclass(frozen=True)
class OutsideScores:
    """Scores of impressions, by what tells these apart.

    Attributes:
        source: The file, as a person calls it.
        on: Columns of the log.
        events: Whose scores there are.
        table: Of every column in `on`, int64 as in the log, `key0`, … which are no two rows' all;
            of every event the `least0` and `most0` of the file's scores of these, float64, and
            `finite0`, whether all are finite.
        codings: Of the log.
    """

    source: str
    on: tuple[str, ...]
    events: tuple[str, ...]
    table: pa.Table
    codings: Codings

    @property
    def keys(self) -> list[str]:
        """The table's columns that tell impressions apart, in the order of `on`."""
        return [f"{KEY}{place}" for place in range(len(self.on))]

    @property
    def hashed(self) -> list[str]:
        """Columns in `on` of which several raw ids may be one."""
        ids = self.codings.reading.ids
        owners = {name: self.codings.schema.ids_of(name) for name in self.on}
        return [name for name, of in owners.items() if of in ids and ids[of].coding == "hash"]

    def said(self, row: Sequence[int]) -> str:
        """An impression as raw files have it: `user 12, item b7, 2020-01-01T00:00:00.000Z`."""
        named = zip(self.on, row, strict=True)
        return ", ".join(_said(name, value, self.codings) for name, value in named)


def check_outside_scores(source: str, on: Sequence[str], columns: Mapping[str, str]) -> None:
    """Raise `InputError` unless there is such a file, with the columns; no row is read.

    Args:
        on: As of `OutsideScores`.
        columns: Event -> its column of scores.
    """
    kinds = _open(source).schema
    for name in (*on, *columns.values()):
        if name not in kinds.names:
            raise InputError(f"{source}: lacks the column '{name}'; {suggest(name, kinds.names)}")
    for name in columns.values():
        kind = kinds.field(name).type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or _is_decimal(kind)):
            raise InputError(f"{source}: column '{name}' must hold numbers, not {kind}")


def read_outside_scores(
    source: str, on: Sequence[str], columns: Mapping[str, str], codings: Codings
) -> OutsideScores:
    """Read a file that `check_outside_scores` found whole.

    Raises:
        InputError: It is damaged, or a value can be no id or no time.
    """
    names = list(dict.fromkeys((*on, *columns.values())))
    try:
        rows = _open(source).to_table(columns=names)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{source}: cannot be read: {' '.join(str(error).split())}") from None
    read: dict[str, pa.Array | pa.ChunkedArray] = {}
    unknown = pa.array(np.zeros(len(rows), bool))
    for place, name in enumerate(on):
        read[f"{KEY}{place}"], strangers = _key(name, rows[name], codings, source)
        unknown = pc.or_(unknown, pc.fill_null(strangers, False))
    chosen = []
    for place, name in enumerate(columns.values()):
        scores = _numbers(rows[name], name, source)
        finite = pc.fill_null(pc.is_finite(scores), False)
        for column, values in ((LEAST, scores), (MOST, scores), (FINITE, finite)):
            read[f"{column}{place}"] = values
            chosen.append((f"{column}{place}", "max" if column == MOST else "min"))
    known = pa.table(read).filter(pc.invert(unknown))
    keys = [f"{KEY}{place}" for place in range(len(on))]
    alike = known.group_by(keys).aggregate(chosen)
    table = alike.select([*keys, *(f"{column}_{least}" for column, least in chosen)])
    named = table.rename_columns([*keys, *(column for column, _ in chosen)])
    return OutsideScores(source, tuple(on), tuple(columns), named, codings)


def _open(source: str) -> ds.Dataset:
    filesystem, path = filesystem_of(source)
    if filesystem.get_file_info(path).type == fs.FileType.NotFound:
        raise InputError(f"{source}: no such file")
    try:
        return ds.dataset(path, filesystem=filesystem, format="parquet")
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{source}: is no Parquet: {' '.join(str(error).split())}") from None


def _key(
    name: str, column: pa.ChunkedArray, codings: Codings, source: str
) -> tuple[pa.Array, pa.Array]:
    """As the log has it, and which values are of none of its rows."""
    where = f"{source}: column '{name}'"
    values = plain(column, where)
    if isinstance(codings.schema.columns[name], Timestamp):
        times = read_milliseconds(name, codings, values, where)
        return times, pa.array(np.zeros(len(times), bool))
    ids, strangers = read_ids(name, codings, values, where)
    return pc.fill_null(ids, 0).cast(pa.int64()), strangers


def _numbers(column: pa.ChunkedArray, name: str, source: str) -> pa.ChunkedArray:
    try:
        # Whole numbers too large to be exact are near enough for a score.
        return pc.cast(column, pa.float64(), safe=False)
    except CAST_ERRORS:
        raise InputError(
            f"{source}: column '{name}' must hold numbers, not {column.type}"
        ) from None


def _is_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind))


def _said(name: str, value: int, codings: Codings) -> str:
    kind = codings.schema.columns[name]
    if isinstance(kind, Timestamp):
        return f"{np.datetime64(value, 'ms')}Z"
    coding = codings.reading.ids.get(codings.schema.ids_of(name))
    if coding is None or coding.coding == "number":
        return f"{name} {value}"
    if coding.coding == "hash":
        return f"{name} hashed to {value}" if value else f"no {name}"
    if coding.coding == "names":
        return f"{name} {names_of(kind)[value]}"
    known = codings.dictionaries[codings.schema.ids_of(name)].values
    return f"{name} {known[value - 1]}" if value else f"no {name}"
