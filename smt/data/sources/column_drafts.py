"""Drafts of what single columns are, each with what a person should know or decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import TEXT
from smt.data.sources.column_names import (
    AMOUNT,
    ANONYMOUS_ID,
    ANONYMOUS_NUMBER,
    ID,
    side_of,
    tells,
    words,
)
from smt.data.sources.raw_columns import RawColumn

HASHED = 10
"""Ids for each name that is hashed, so that at most about one in ten shares its id."""
LARGEST_NUMBER = 100_000
"""Whole numbers from here on are hashed where few of those below them occur."""
FEW = 100
"""Whole numbers that are so few are rather ids than amounts."""
GAPS = 10
"""A table with more rows than this for each id is mostly empty."""
AN_ID = "where it happened; of kind 'id' instead, if models are not told apart by it"
LONG = 40
"""Letters of a text that is rather a sentence than a name."""


@dataclass(frozen=True)
class Draft:
    """What a column is in the drafted schema.

    Attributes:
        keys: Of the column in the schema; none where it is left out.
        remarks: Comments above it: what was seen, and what is to be decided.
    """

    keys: dict[str, Any]
    remarks: tuple[str, ...] = ()


def left_out(reason: str) -> Draft:
    """A column that the drafted schema does not name."""
    return Draft({}, (f"left out: {reason}",))


def draft_single(column: RawColumn) -> Draft:
    """A column of single values that is no time, label or list."""
    if any(pa.types.is_duration(values.type) for values in column.parts.values()):
        return left_out("durations; write them as numbers")
    if column.type == "float" and column.numbers is not None:
        return draft_numeric(column)
    if column.type == "token" or column.numbers is None:
        return draft_id(column)
    if not column.is_whole or ANONYMOUS_NUMBER.fullmatch(column.name):
        return draft_numeric(column)
    if ANONYMOUS_ID.fullmatch(column.name) or _is_named_id(column.name):
        return draft_id(column)
    if tells(column.name, AMOUNT) or len(column.texts) > FEW or column.no_ids:
        return draft_numeric(column)
    note = f"{len(column.texts)} whole numbers: numeric instead, if a larger one means more"
    draft = draft_id(column)
    return replace(draft, remarks=(*draft.remarks, note))


def draft_numeric(column: RawColumn) -> Draft:
    """A column of numbers."""
    remarks = list(_on_missing(column))
    keys: dict[str, Any] = {"kind": "numeric"} | side_key(column.name)
    missing = missing_words(column)
    assert column.numbers is not None
    infinite = pc.is_inf(column.numbers)
    if pc.any(infinite).as_py():
        missing = [*(missing or column.usual_words), "inf", "-inf"]
        remarks.append("has infinities, which would be refused: here they count as missing")
    lowest = pc.min(column.numbers).as_py()
    others = column.numbers.filter(pc.greater(column.numbers, lowest))
    if lowest == -1 and len(others) and pc.min(others).as_py() >= 0:
        remarks.append("-1 beside numbers that are not negative: if it is no value, missing: [-1]")
    return Draft(keys | ({"missing": missing} if missing else {}), tuple(remarks))


def draft_id(column: RawColumn) -> Draft:
    """A column of ids or names."""
    if column.no_ids:
        return left_out(column.no_ids)
    texts = _without_words(column)
    longest = pc.max(pc.utf8_length(texts)).as_py() or 0
    named = _is_named_id(column.name) or column.type == "token"
    if longest > LONG and not named and pc.any(pc.match_substring(texts, " ")).as_py():
        return left_out("reads as free text; embed it elsewhere and add the vectors")
    if len(texts) == column.rows > FEW and side_of(column.name) == "context":
        return left_out("differs in every row, so that it names the row and tells nothing")
    keys = {"kind": "id"} | id_space([column]) | side_key(column.name)
    missing = missing_words(column)
    if missing:
        keys["missing"] = missing
    return Draft(keys, (*_on_ids(column, texts, keys), *_on_missing(column)))


def draft_surface(column: RawColumn) -> Draft:
    """Where the impression happened; names where the values are such and none is missing."""
    if column.missing or column.is_whole:
        draft = draft_id(column)
        if not draft.keys:
            return draft
        keys = {**draft.keys, "kind": "surface"}
        keys.pop("side", None)
        if keys["coding"] == "hash":
            keys |= {"coding": "dictionary", "num_ids": roomy(len(column.texts) + 1)}
        return Draft(keys, (*draft.remarks, AN_ID))
    names = sorted(column.texts.to_pylist())
    return Draft(
        {"kind": "surface", "num_ids": len(names), "names": names},
        (AN_ID,),
    )


def id_space(columns: Sequence[RawColumn]) -> dict[str, Any]:
    """`num_ids` and `coding` of columns that share their ids."""
    texts = pa.concat_arrays([pa.array([], TEXT), *map(_without_words, columns)]).unique()
    whole = all(column.is_whole for column in columns if len(column.texts))
    if whole and len(texts):
        largest = max(int(text) for text in texts.to_pylist())
        smallest = pc.min(texts.cast(pa.float64())).as_py()
        code = side_of(columns[0].name) == "context" and largest < LARGEST_NUMBER
        if code and len(texts) <= FEW and largest > GAPS * FEW:
            return {"num_ids": roomy(len(texts) + 1), "coding": "dictionary"}
        if smallest >= -1 and (largest < LARGEST_NUMBER or largest < GAPS * len(texts)):
            return {"num_ids": roomy(max(largest, 0) + 1), "coding": "number"}
    return {"num_ids": _round_up(HASHED * max(len(texts), 10)), "coding": "hash"}


def roomy(needed: int) -> int:
    """A number of ids with a fifth more than today's, as a log grows."""
    return _round_up(needed + -(-needed // 5))


def _round_up(least: int) -> int:
    """The next number of two digits and zeros."""
    step: int = 10 ** max(len(str(least)) - 2, 0)
    return -(-least // step) * step


def _is_named_id(name: str) -> bool:
    last = words(name)[-1:] or [""]
    return last[0] in ID or (len(words(name)) > 1 and last[0].isdigit() and tells(name, ID))


def side_key(name: str) -> dict[str, Any]:
    """The key `side` of a column whose name tells one."""
    side = side_of(name)
    return {} if side == "context" else {"side": side}


def _without_words(column: RawColumn) -> pa.Array:
    return column.texts.filter(pc.invert(pc.is_in(column.texts, pa.array(column.odd_words, TEXT))))


def missing_words(column: RawColumn) -> list[str]:
    """The key `missing`, where words beyond the usual are none. It replaces the usual ones and
    -1, so that those seen are in it too.
    """
    if not column.odd_words:
        return []
    minus_one = ["-1"] if pc.index(column.texts, "-1").as_py() >= 0 else []
    return [*column.usual_words, *column.odd_words, *minus_one]


def _on_missing(column: RawColumn) -> list[str]:
    remarks = []
    if column.missing:
        how = " or ".join(map(repr, column.usual_words)) or "empty"
        remarks.append(f"missing in {column.missing / column.rows:.1%} of the rows ({how})")
    if column.odd_words:
        odd = " and ".join(map(repr, column.odd_words))
        remarks.append(f"{odd} among numbers: taken for 'no value'; check")
    return remarks


def _on_ids(column: RawColumn, texts: pa.Array, keys: Mapping[str, Any]) -> list[str]:
    different = f"{len(texts):,} different"
    if keys["coding"] == "number":
        numbers = texts.cast(pa.int64())
        lowest, largest = pc.min(numbers).as_py(), pc.max(numbers).as_py()
        remarks = [f"{different}, {lowest} to {largest}: num_ids leaves room for a fifth more"]
        if lowest == -1:
            remarks.append("-1 counts as missing")
        elif lowest == 0 and column.missing:
            remarks.append(
                "0 is an id and what missing ones become; 'coding: dictionary' parts them"
            )
        return remarks
    if keys["coding"] == "dictionary":
        return [f"{different}, numbered 1, 2, …: num_ids leaves room for a fifth more"]
    one_in = keys["num_ids"] // max(len(texts), 1)
    return [f"{different} names or numbers, hashed: about one in {one_in} shares its id"]
