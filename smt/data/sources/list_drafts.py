"""Drafts of columns of lists: histories with their steps' times, sets of ids, vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import TEXT
from smt.data.sources.column_drafts import Draft, id_space, left_out, missing_words, side_key
from smt.data.sources.column_names import HISTORY, LIST, is_time, side_of, tells, words
from smt.data.sources.list_texts import BRACKETED
from smt.data.sources.lists import as_lists
from smt.data.sources.raw_columns import RawColumn
from smt.data.sources.time_drafts import time_keys
from smt.errors import InputError


@dataclass(frozen=True)
class ListColumn:
    """A column of lists, or of texts that are lists.

    Attributes:
        lists: One array a file.
        separator: Of texts that the reader would not split so by itself; None else.
        elements: `[n]` different elements, as a column of their own.
    """

    lists: tuple[pa.Array, ...]
    separator: str | None
    elements: RawColumn

    @property
    def lengths(self) -> pa.Array:
        """The length of each row's list."""
        return pa.concat_arrays(
            [pc.fill_null(pc.list_value_length(part), 0).cast(pa.int64()) for part in self.lists]
        )


def draft_lists(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """The columns of lists among those given."""
    lists = {name: read for name, column in columns.items() if (read := _read_lists(column))}
    drafts = {
        name: left_out(problem)
        for name, column in columns.items()
        if name not in lists and (problem := _unread(column))
    }
    steps = [
        name
        for name, read in lists.items()
        if (is_time(name) or is_time(name.removesuffix("s"))) and time_keys(read.elements)
    ]
    for name, read in lists.items():
        if name in steps:
            continue
        draft = _draft_list(name, read)
        if draft.keys.get("kind") in ("id_list", "sequence"):
            draft = _with_times(draft, read, {step: lists[step] for step in steps})
        drafts[name] = draft
    histories = {draft.keys.get("timestamps"): name for name, draft in drafts.items()}
    for step in steps:
        if step in histories:
            drafts[step] = Draft({}, (f"the times of the steps of '{histories[step]}'",))
        else:
            drafts[step] = left_out("lists of times whose lengths are those of no history")
    return drafts


def _with_times(draft: Draft, read: ListColumn, steps: Mapping[str, ListColumn]) -> Draft:
    """A history with the lists of its steps' times, which have the same lengths."""
    paired = [step for step, times in steps.items() if times.lengths.equals(read.lengths)]
    if paired:
        time = time_keys(steps[paired[0]].elements)
        unit = {"unit": time[0]["unit"]} if time is not None and "unit" in time[0] else {}
        keys = {**draft.keys, "kind": "sequence", "timestamps": paired[0], "side": "user"}
        return Draft(keys | unit, draft.remarks)
    if draft.keys["kind"] == "id_list":
        return draft
    unknown = "CHECK the order: nothing in the files tells which step is the latest"
    return Draft({**draft.keys, "order": "oldest_first"}, (*draft.remarks, unknown))


def with_shared_ids(
    drafts: Mapping[str, Draft], columns: Mapping[str, RawColumn]
) -> dict[str, Draft]:
    """Lists whose elements are another column's ids share its ids."""
    result = dict(drafts)
    singles = [name for name, draft in drafts.items() if draft.keys.get("kind") == "id"]
    for name, draft in drafts.items():
        if draft.keys.get("kind") not in ("id_list", "sequence"):
            continue
        read = _read_lists(columns[name])
        assert read is not None
        target = _ids_of(name, read.elements, [columns[single] for single in singles])
        if target is None:
            continue
        shared = id_space([columns[target], read.elements])
        former = result[target]
        if former.keys["coding"] == shared["coding"]:
            shared["num_ids"] = max(shared["num_ids"], former.keys["num_ids"])
        result[target] = Draft({**former.keys, **shared}, former.remarks)
        keys = {key: value for key, value in draft.keys.items() if key != "coding"}
        keys |= {"num_ids": shared["num_ids"], "of": target}
        result[name] = Draft(keys, (*draft.remarks, f"its ids are those of '{target}'"))
    # A column that several lists share may have grown since the first of them.
    for name, draft in result.items():
        if "of" in draft.keys:
            num_ids = result[draft.keys["of"]].keys["num_ids"]
            result[name] = Draft({**draft.keys, "num_ids": num_ids}, draft.remarks)
    return result


def _ids_of(name: str, elements: RawColumn, singles: Sequence[RawColumn]) -> str | None:
    """The column whose ids the elements are: names agree, or most elements are among its names."""
    shares = {}
    for single in singles:
        common = pc.sum(pc.is_in(elements.texts, single.texts)).as_py() or 0
        share = common / max(len(elements.texts), 1)
        agree = not _stems(name).isdisjoint(_stems(single.name) - {"id"})
        # Small whole numbers are in any column; only a history of them is of items.
        telling = not elements.is_whole or (tells(name, HISTORY) and side_of(single.name) == "item")
        if common and (agree or (telling and share >= 0.5)):
            shares[single.name] = (agree, share, len(single.texts))
    return max(shares, key=lambda single: shares[single], default=None)


def _stems(name: str) -> set[str]:
    return {word.removesuffix("s") for word in words(name)}


def _read_lists(column: RawColumn) -> ListColumn | None:
    """The column as lists; None where it holds single values."""
    if column.is_list:
        return _list_column(column, tuple(column.parts.values()), None)
    if column.type in ("token", "float") or column.is_moment:
        return None
    if column.type is not None:
        return _split(column, " ")
    told = tells(column.name, LIST) or _are_bracketed(column)
    # A text such as `B01 B02` is split at its blanks only where the name says that it is a list.
    read = _split(column, None) or (_split(column, " ") if told else None)
    return read if read is not None and _is_told(column, read, told=told) else None


def _are_bracketed(column: RawColumn) -> bool:
    inside = pc.match_substring_regex(column.texts, BRACKETED)
    return len(inside) > 0 and bool(pc.all(inside).as_py())


def _unread(column: RawColumn) -> str | None:
    """Why texts that look like lists are not read as such; None for others."""
    if column.is_list or column.is_moment or not _are_bracketed(column):
        return None
    try:
        as_lists(column.parts, separator=None, given=None)
    except InputError as error:
        return next(
            str(error).removeprefix(f"{where}: ")
            for where in column.parts
            if str(error).startswith(f"{where}: ")
        )
    return None


def _split(column: RawColumn, separator: str | None) -> ListColumn | None:
    try:
        lists, _ = as_lists(column.parts, separator=separator, given=None)
    except InputError:
        return None
    return _list_column(column, tuple(lists.values()), separator)


def _draft_list(name: str, column: ListColumn) -> Draft:
    """A column of lists: a vector, a history, or a set of ids."""
    separator = {} if column.separator is None else {"separator": column.separator}
    lengths = column.lengths.unique()
    fractions = column.elements.numbers is not None and not column.elements.is_whole
    if fractions or (len(lengths) == 1 and column.elements.type == "float_seq"):
        if column.elements.missing or column.elements.odd_words:
            return left_out("lists of fractions of which some are missing")
        if len(lengths) == 1:
            keys = {"kind": "embedding", "dim": lengths[0].as_py()}
            return Draft(keys | separator | side_key(name))
        return left_out("lists of fractions whose lengths differ; no kind of column holds them")
    if column.elements.no_ids:
        return left_out(f"lists of what can be no ids: {column.elements.no_ids}")
    space = id_space([column.elements])
    if no_values := missing_words(column.elements):
        space["missing"] = no_values
    if tells(name, HISTORY):
        keys = {"kind": "sequence"} | space | {"side": "user"} | separator
    else:
        keys = {"kind": "id_list"} | space | separator | side_key(name)
    longest = pc.max(column.lengths).as_py()
    return Draft(keys, (f"lists of up to {longest} elements",))


def _list_column(
    column: RawColumn, lists: tuple[pa.Array, ...], separator: str | None
) -> ListColumn:
    elements = {
        where: part.flatten() if pa.types.is_list(part.type) else pa.array([], TEXT)
        for where, part in zip(column.parts, lists, strict=True)
    }
    return ListColumn(lists, separator, RawColumn(column.name, elements, column.type))


def _is_told(column: RawColumn, read: ListColumn, *, told: bool) -> bool:
    """Whether texts are lists: as their name tells, or of few words that occur again and again."""
    several = pc.sum(pc.greater(read.lengths, 1)).as_py() or 0
    if told:
        return several > 0
    if several * 10 < column.rows or len(read.lengths.unique()) == 1:
        return False
    spaced = pc.any(pc.match_substring(read.elements.texts, " ")).as_py()
    return not spaced and len(read.elements.texts) < len(column.texts)
