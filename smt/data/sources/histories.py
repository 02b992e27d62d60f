"""Raw histories in one order, the most recent step first, and before their impressions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from smt.data.columns import Order, Sequence
from smt.data.sources.arrow_types import list_of
from smt.errors import InputError

Integers = NDArray[np.int64]
MANY = 0.5
"""Where a larger share of steps comes after their impressions, times are likely misread."""


@dataclass(frozen=True)
class Histories:
    """One file's lists of a sequence, N rows, of one length in a row; a null list is an empty one.

    Attributes:
        ids: Lists of any elements.
        codes: Of event codes; None where the sequence has none.
        times: Of int64 milliseconds; None where the sequence has none.
    """

    ids: pa.ListArray
    codes: pa.ListArray | None = None
    times: pa.ListArray | None = None

    @classmethod
    def of(cls, name: str, kind: Sequence, columns: Mapping[str, pa.Array]) -> "Histories":
        """Those of the sequence `name` among a log's columns."""
        return cls(
            columns[name],
            None if kind.events is None else columns[kind.events],
            None if kind.timestamps is None else columns[kind.timestamps],
        )

    def columns(self, name: str, kind: Sequence) -> dict[str, pa.Array]:
        """The columns of a log that they are."""
        lists = {name: self.ids, kind.events: self.codes, kind.timestamps: self.times}
        return {column: values for column, values in lists.items() if column is not None}


@dataclass(frozen=True)
class Ordered:
    """A sequence of all files, the most recent step first.

    Attributes:
        files: As they were given.
        order: Where the raw lists began, as the schema, their times or custom say; None where
            they were in neither order and were sorted.
        remarks: Sentences on what was decided, for a person to check.
    """

    files: Mapping[str, Histories]
    order: Order | None
    remarks: tuple[str, ...]


def order_histories(
    name: str,
    files: Mapping[str, Histories],
    moments: Mapping[str, pa.Array],
    *,
    order: Order | None,
) -> Ordered:
    """Bring lists into one order and drop steps that do not come before their impression.

    Where the steps have times, all lists of all files tell their order together; lists in
    neither order are sorted by their times, steps of one moment staying as they were. Without
    times, lists begin where `order` says, and with the most recent step where it is None.

    Args:
        name: Of the sequence, which opens every remark.
        files: By "FILE: column 'NAME'", which opens every error.
        moments: By the same names, `[N]` int64 milliseconds of the impressions.
        order: What the schema says.

    Raises:
        InputError: The steps' times are in the other order than the schema says.
    """
    remarks: tuple[str, ...] = ()
    told, by_times = order, _told(files.values())
    if by_times == "mixed":
        remarks = (f"{name}: some lists are in no order of time; all are sorted by their times",)
        told = None
    elif by_times is not None:
        if order not in (None, by_times):
            raise InputError(
                f"{next(iter(files))}: the schema says `order: {order}`, but the steps' times say "
                f"`{by_times}`; correct it or leave it out"
            )
        told = by_times
        if told == "oldest_first" and order is None:
            remarks = (f"{name}: lists begin with the oldest step, by their times; turned round",)
    elif order is None:
        told = "newest_first"
        if any((_lengths(lists.ids) > 1).any() for lists in files.values()):
            remarks = (
                f"{name}: lists are taken to begin with the most recent step; those of many public "
                "logs begin with the oldest, which `order: oldest_first` says",
            )
    turned = {
        where: _turned(lists) if "oldest_first" in (told, order) else lists
        for where, lists in files.items()
    }
    if told is None:
        turned = {where: _sorted(lists) for where, lists in turned.items()}
    kept = {where: before_impressions(lists, moments[where]) for where, lists in turned.items()}
    return Ordered(kept, told, remarks + _dropped(name, turned, kept))


def as_ordered(lists: Histories, order: Order | None) -> Histories:
    """Rows that are read alone in the order that their log was brought into.

    Args:
        order: Where raw lists begin, as `Ordered` has it.
    """
    turned = _turned(lists) if order == "oldest_first" else lists
    return turned if lists.times is None else _sorted(turned)


def _told(files: Iterable[Histories]) -> Order | Literal["mixed"] | None:
    """Where lists begin by their times; None where no list has two different ones."""
    falls = rises = False
    for lists in files:
        if lists.times is not None:
            times, rows = lists.times.flatten().to_numpy(), _rows(lists.times)
            steps = np.diff(times)[rows[1:] == rows[:-1]]
            falls, rises = falls or bool((steps < 0).any()), rises or bool((steps > 0).any())
    if falls and rises:
        return "mixed"
    return "newest_first" if falls else "oldest_first" if rises else None


def _turned(lists: Histories) -> Histories:
    rows = _rows(lists.ids)
    return _taken(lists, np.lexsort((-np.arange(len(rows)), rows)))


def _sorted(lists: Histories) -> Histories:
    assert lists.times is not None
    return _taken(lists, np.lexsort((-lists.times.flatten().to_numpy(), _rows(lists.ids))))


def before_impressions(lists: Histories, moments: pa.Array) -> Histories:
    """The steps that are before the moments (`[N]` milliseconds); all where they have no times."""
    if lists.times is None:
        return lists
    shown = moments.to_numpy()[_rows(lists.ids)]
    early = lists.times.flatten().to_numpy() < shown
    return lists if early.all() else _taken(lists, np.flatnonzero(early))


def _dropped(
    name: str, before: Mapping[str, Histories], after: Mapping[str, Histories]
) -> tuple[str, ...]:
    steps, left = (
        sum(int(_lengths(lists.ids).sum()) for lists in files.values()) for files in (before, after)
    )
    if steps == left:
        return ()
    said = (
        f"{name}: {steps - left:,} of {steps:,} steps ({1 - left / steps:.1%}) are not before "
        "their impression and are dropped"
    )
    return (said + "; see that all times are read right" if 1 - left / steps > MANY else said,)


def _taken(lists: Histories, places: Integers) -> Histories:
    """The steps at these places of the flattened lists, each in its own row's list."""
    counts = pa.array(np.bincount(_rows(lists.ids)[places], minlength=len(lists.ids)))
    return Histories(
        *(
            None if column is None else list_of(column.flatten().take(pa.array(places)), counts)
            for column in (lists.ids, lists.codes, lists.times)
        )
    )


def _lengths(lists: pa.ListArray) -> Integers:
    lengths: Integers = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    return lengths


def _rows(lists: pa.ListArray) -> Integers:
    """The row of each element."""
    return np.repeat(np.arange(len(lists)), _lengths(lists))
