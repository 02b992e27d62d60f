"""Rows of a window as they stream: bounded in memory, and each rank's own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from smt.errors import InputError

READ_AHEAD_ROWS = 65_536
"""Row groups of so many rows together, or else one, are decoded while those before are used."""


@dataclass(frozen=True)
class _Piece:
    """What is decoded at once: a row group on disk, or a table's chunk.

    Attributes:
        rows: Those that `read` gives.
    """

    rows: int
    read: Callable[[], list[pa.RecordBatch]]


def read_records(
    rows: pa.Table | ds.Dataset,
    columns: Sequence[str],
    condition: pc.Expression | None = None,
    *,
    size: int,
    skip: int = 0,
    kept: NDArray[np.bool_] | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[pa.RecordBatch]:
    """Record batches of exactly `size` rows (the last may be shorter), in the log's order.

    A dataset is decoded by row groups, in a thread of its own that is `READ_AHEAD_ROWS` ahead.
    A row group without a row that is asked for is not decoded: the filter's statistics rule it
    out, or its rows are skipped, not kept, or other ranks'.

    Of every round of `world * size` rows each rank gets the next `size`, so that several ranks
    take the very steps that one takes on as many rows. A row group of more than `size` rows
    holds rows of other ranks too, which decode it as well. If every rank had whole row groups
    instead, a step would mix distant hours, and one worker would not follow the same curve.
    Where decoding is to be divided, write the log in row groups of at most `size` rows.

    Args:
        condition: Which rows count; all of them where None.
        skip: Leave out the first so many.
        kept: `[n]`, of the n rows that meet the condition; `skip` counts those kept.
        shard: `(rank, world)`; of an incomplete last round no rank of several gets any.

    Raises:
        InputError: A file is not there, on this machine.
    """
    rank, world = shard
    on_disk = not isinstance(rows, pa.Table | ds.InMemoryDataset)
    pieces = (_row_groups if on_disk else _chunks)(rows, list(columns), condition)
    if kept is not None:
        pieces = list(_masked(pieces, kept))
    ends = np.cumsum([piece.rows for piece in pieces], dtype=np.int64)
    last = int(ends[-1]) if len(ends) else 0
    if world > 1:
        last -= max(last - skip, 0) % (world * size)
    own = []
    for piece, end in zip(pieces, ends.tolist(), strict=True):
        start = end - piece.rows
        shares = _shares(max(start, skip), min(end, last), skip, size, rank, world)
        if parts := [(first - start, count) for first, count in shares]:
            own.append((piece, parts))
    decoded = _ahead([piece for piece, _ in own]) if on_disk else (p.read() for p, _ in own)
    cut = (
        part
        for records, (_, parts) in zip(decoded, own, strict=True)
        for part in _slices(records, parts)
    )
    yield from _join(cut, size)


def _shares(
    start: int, stop: int, skip: int, size: int, rank: int, world: int
) -> Iterator[tuple[int, int]]:
    """(first row, number of rows) of a rank's rows between two, of those that follow `skip`."""
    if world == 1:
        if start < stop:
            yield start, stop - start
        return
    stride = world * size
    mine = skip + rank * size
    for share in range(mine + max(start - mine, 0) // stride * stride, stop, stride):
        first, end = max(share, start), min(share + size, stop)
        if first < end:
            yield first, end - first


def _chunks(
    rows: pa.Table | ds.InMemoryDataset, columns: list[str], condition: pc.Expression | None
) -> list[_Piece]:
    if isinstance(rows, pa.Table) and condition is None:
        table = rows.select(columns)
    else:
        source = ds.dataset(rows) if isinstance(rows, pa.Table) else rows
        table = source.to_table(columns=columns, filter=condition)
    records = table.combine_chunks().to_batches()
    return [_Piece(len(record), partial(list, [record])) for record in records]


def _row_groups(
    rows: ds.Dataset, columns: list[str], condition: pc.Expression | None
) -> list[_Piece]:
    rows, condition = unfiltered(rows, condition)
    try:
        groups = [
            group
            for file in rows.get_fragments(filter=condition)
            for group in file.split_by_row_group(filter=condition, schema=rows.schema)
        ]
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename or error}: is not on this machine; a log must be reachable under one "
            "path from every machine that trains on it: on a shared disk, or under s3://"
        ) from None
    if condition is None:
        # Arrow's own count of a row group is the whole file's there.
        counts = [group.row_groups[0].num_rows for group in groups]
    else:
        with ThreadPoolExecutor() as pool:
            counts = list(pool.map(lambda group: group.count_rows(filter=condition), groups))
    read = partial(_decode, schema=rows.schema, columns=columns, condition=condition)
    return [
        _Piece(count, partial(read, group)) for group, count in zip(groups, counts, strict=True)
    ]


def unfiltered(
    rows: ds.Dataset, condition: pc.Expression | None
) -> tuple[ds.Dataset, pc.Expression | None]:
    """A dataset without the filter it may have, and that filter joined to the condition."""
    # Arrow gives no fragments of a filtered dataset, and tells its filter here alone.
    own = rows._scan_options.get("filter")
    if own is None:
        return rows, condition
    whole = rows.filter(own)
    whole._scan_options = {}
    return whole, own if condition is None else own & condition


def _decode(
    group: ds.ParquetFileFragment,
    *,
    schema: pa.Schema,
    columns: list[str],
    condition: pc.Expression | None,
) -> list[pa.RecordBatch]:
    return list(group.to_batches(schema=schema, columns=columns, filter=condition))


def _masked(pieces: Iterable[_Piece], kept: NDArray[np.bool_]) -> Iterator[_Piece]:
    """The pieces' rows that are marked in one mask over them all."""
    start = 0
    for piece in pieces:
        mask = kept[start : start + piece.rows]
        start += piece.rows
        yield _Piece(int(mask.sum()), partial(_keep, piece, mask))


def _keep(piece: _Piece, mask: NDArray[np.bool_]) -> list[pa.RecordBatch]:
    table = pa.Table.from_batches(piece.read()).filter(pa.array(mask))
    records: list[pa.RecordBatch] = table.combine_chunks().to_batches()
    return records


def _ahead(pieces: Iterable[_Piece]) -> Iterator[list[pa.RecordBatch]]:
    """What the pieces hold, decoded in another thread before it is asked for."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: deque[tuple[int, Future[list[pa.RecordBatch]]]] = deque()
        rows = 0
        for piece in pieces:
            waiting.append((piece.rows, pool.submit(piece.read)))
            rows += piece.rows
            while len(waiting) > 1 and rows - waiting[0][0] >= READ_AHEAD_ROWS:
                count, decoded = waiting.popleft()
                rows -= count
                yield decoded.result()
        while waiting:
            yield waiting.popleft()[1].result()


def _slices(
    records: Iterable[pa.RecordBatch], parts: list[tuple[int, int]]
) -> Iterator[pa.RecordBatch]:
    """The parts (first row, number of rows) of consecutive records."""
    start = 0
    for record in records:
        stop = start + len(record)
        for first, count in parts:
            low, high = max(first, start), min(first + count, stop)
            if low < high:
                yield record.slice(low - start, high - low)
        start = stop


def _join(records: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in records of `size`; those that are cut alias what they are cut from."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for record in records:
        while count + len(record) >= size:
            head, rest = record.slice(0, size - count), record.slice(size - count)
            yield pa.concat_batches([*waiting, head]) if waiting else head
            record, waiting, count = rest, [], 0
        if len(record):
            waiting.append(record)
            count += len(record)
    if waiting:
        yield pa.concat_batches(waiting)
