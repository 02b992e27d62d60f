"""One coding for all columns that share ids, decided over all their values together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.coding import Coder, Dictionary, Hashing, Numbers, Places
from smt.data.columns import Coding, Column, DataConstraint, Id, IdList, Surface
from smt.data.columns import Sequence as SequenceColumn
from smt.data.reading import IdCoding
from smt.data.sources.arrow_types import TEXT
from smt.data.sources.missing import words_of
from smt.data.sources.raw_ids import NUMBER, RawIds, canonical
from smt.errors import InputError

IdColumn = Id | IdList | SequenceColumn | Surface | DataConstraint
MINUS_ONE = pa.array(["-1"], TEXT)
MOST_SHARING = 0.1
"""A larger share of names whose id is another's too is worth a remark."""


@dataclass(frozen=True)
class CodedIds:
    """What the raw ids of all columns that share a coding became.

    Attributes:
        columns: By column, the int64 ids of each file in the order given; null where missing.
        dictionary: Of the coding `dictionary`, else None.
        remarks: Sentences that a person should read.
    """

    coding: IdCoding
    columns: Mapping[str, tuple[pa.Array, ...]]
    dictionary: Dictionary | None
    remarks: tuple[str, ...]


def code_ids(
    name: str,
    kind: IdColumn,
    raw: Mapping[str, Sequence[RawIds]],
    stated: Collection[str] = (),
) -> CodedIds:
    """Code the columns that share the ids of the column `name`.

    Args:
        kind: Of the column whose ids they are: it says how they are coded.
        raw: By column, the ids of each file.
        stated: Columns whose own `missing` the schema gives.

    Raises:
        InputError: Names and numbers are mixed and the schema does not say which they are, or
            an id is outside [0, num_ids); names the file, the column and the value.
    """
    raw = _without_minus_ones(raw, kind, stated)
    columns = [column for files in raw.values() for column in files]
    texts = pa.concat_arrays([pa.array([], TEXT), *(column.texts for column in columns)]).unique()
    whole = pc.all(pc.match_substring_regex(texts, NUMBER), min_count=0).as_py()
    if names_of(kind):
        coding, coder = _named(kind, texts, whole, columns)
    else:
        chosen = kind.coding or _default(kind, texts, whole, columns)
        coding, coder = chosen, _coder(chosen, kind, texts, whole, columns)
    ids = coder(texts)
    sharing = _sharing(ids) if coding == "hash" else 0
    if sharing and isinstance(kind, Surface | DataConstraint):
        raise InputError(
            f"{columns[0].where}: the names {' and '.join(map(repr, _first_twins(texts, ids)))} "
            "share an id, and rows are told apart by them; set 'coding: dictionary'"
        )
    described = IdCoding(
        coding=coding,
        num_ids=kind.num_ids,
        missing=_missing_words(kind, raw),
        names=len(texts),
        ids=len(ids.unique()),
        sharing=sharing,
        missing_rows={
            column: sum(part.places.null_count for part in files) for column, files in raw.items()
        },
    )
    return CodedIds(
        coding=described,
        columns={
            column: tuple(part.take(coder(part.texts)) for part in files)
            for column, files in raw.items()
        },
        dictionary=coder if isinstance(coder, Dictionary) else None,
        remarks=_remarks(name, described, texts),
    )


def known_coding(name: str, ids: pa.Array, known: Dictionary, missing: Sequence[str]) -> IdCoding:
    """The coding of a column that a source of its own made of a dictionary.

    Args:
        ids: Of the column, or lists of them; 0 where they are missing.
    """
    elements = ids.flatten() if pa.types.is_list(ids.type) else ids
    return IdCoding(
        coding="dictionary",
        num_ids=known.num_ids,
        missing=tuple(missing),
        names=len(known.values),
        ids=len(known.values),
        sharing=0,
        missing_rows={name: pc.sum(pc.equal(elements, 0)).as_py() or 0},
    )


def coder_of(coding: IdCoding, names: Sequence[str], known: Dictionary | None) -> Coder:
    """What makes ids of canonical texts as a log's were made; unknown ones become 0.

    Args:
        names: Those of the schema, for the coding `names`.
        known: For the coding `dictionary`.
    """
    if coding.coding == "number":
        return Numbers(coding.num_ids)
    if coding.coding == "hash":
        return Hashing(coding.num_ids)
    if coding.coding == "names":
        return Places(canonical(tuple(names)))
    assert known is not None
    return known


def names_of(kind: Column | None) -> tuple[str, ...]:
    """The names that the schema gives to a column's ids; none where it gives none."""
    return (kind.names or ()) if isinstance(kind, Surface | DataConstraint) else ()


def _without_minus_ones(
    raw: Mapping[str, Sequence[RawIds]], kind: IdColumn, stated: Collection[str]
) -> Mapping[str, Sequence[RawIds]]:
    """-1 is no value beside ids that are otherwise not negative, unless the schema says."""
    if kind.missing is not None:
        return raw
    asked = {name: files for name, files in raw.items() if name not in stated}
    texts = pa.concat_arrays(
        [pa.array([], TEXT), *(part.texts for files in asked.values() for part in files)]
    )
    others = texts.filter(pc.invert(pc.is_in(texts, MINUS_ONE)))
    if len(others) == len(texts):
        return raw
    if not pc.all(pc.match_substring_regex(others, r"^\d+$"), min_count=0).as_py():
        return raw
    return dict(raw) | {n: [p.without(MINUS_ONE) for p in files] for n, files in asked.items()}


def _missing_words(kind: IdColumn, raw: Mapping[str, Sequence[RawIds]]) -> tuple[str, ...]:
    words = tuple(word for word in words_of(kind.missing) if word not in names_of(kind))
    still = any(
        pc.any(pc.is_in(part.texts, MINUS_ONE)).as_py() for files in raw.values() for part in files
    )
    return words if kind.missing is not None or still else (*words, "-1")


def _default(kind: IdColumn, texts: pa.Array, whole: bool, columns: Sequence[RawIds]) -> Coding:
    numbers = pc.match_substring_regex(texts, NUMBER)
    if whole:
        return "number"
    if not pc.any(numbers).as_py():
        return "dictionary" if isinstance(kind, Surface | DataConstraint) else "hash"
    number, name = texts.filter(numbers)[0].as_py(), texts.filter(pc.invert(numbers))[0].as_py()
    rare = name if 2 * pc.sum(numbers).as_py() >= len(texts) else number
    written = {"0": "0 (or false)", "1": "1 (or true)"}.get(number, number)
    raise _refused(
        rare,
        f"the value {rare!r} stands among {'numbers' if rare == name else 'names'}; the column "
        f"mixes numbers such as {written} and names such as {name!r}",
        f"if all are names set 'coding: hash' (or dictionary), if {rare!r} is no value set "
        f"'missing: [{rare!r}]'",
        columns,
    )


def _coder(
    coding: Coding, kind: IdColumn, texts: pa.Array, whole: bool, columns: Sequence[RawIds]
) -> Coder:
    if coding == "number":
        _require_ids(texts, kind.num_ids, columns)
        return Numbers(kind.num_ids)
    where = columns[0].where if columns else ""
    if coding == "hash":
        if kind.num_ids < 2:
            raise InputError(f"{where}: holds names to hash, which needs num_ids of at least 2")
        return Hashing(kind.num_ids)
    if len(texts) >= kind.num_ids:
        raise InputError(
            f"{where}: has {len(texts):,} different values, which need num_ids of at least "
            f"{len(texts) + 1:,} (0 is for missing ones), not {kind.num_ids:,}; raise it, or set "
            "'coding: hash'"
        )
    return Dictionary(_in_order(texts, whole))


def _in_order(texts: pa.Array, whole: bool) -> pa.Array:
    """Whole numbers by length, then digit by digit; names by their bytes."""
    lengths = pc.utf8_length(texts) if whole else pa.nulls(len(texts), pa.int32())
    table = pa.table({"length": lengths, "text": texts})
    return texts.take(
        pc.sort_indices(table, sort_keys=[("length", "ascending"), ("text", "ascending")])
    )


def _named(
    kind: IdColumn, texts: pa.Array, whole: bool, columns: Sequence[RawIds]
) -> tuple[str, Coder]:
    names = canonical(names_of(kind))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"{columns[0].where}: of 'names', {names.count(twice)} are {twice!r} as ids are read, "
            "where 1.0 is 1; leave one of them out"
        )
    for column in columns:
        if column.places.null_count:
            row = pc.index(column.places.is_null(), True).as_py() + 1
            raise InputError(
                f"{column.where}: a value is missing (element {row} of the column), and id 0 is "
                f"{names[0]!r}; give missing values a name of their own in 'names', and write it"
            )
    unknown = texts.filter(pc.invert(pc.is_in(texts, pa.array(names, TEXT))))
    if not len(unknown):
        return "names", Places(names)
    numbered = pc.any(pc.match_substring_regex(pa.array(names, TEXT), NUMBER)).as_py()
    if whole and not numbered:
        _require_ids(texts, kind.num_ids, columns)
        return "number", Numbers(kind.num_ids)
    value = unknown[0].as_py()
    problem = f"the value {value!r} is not one of {', '.join(names)}"
    quoted = " (in quotes: YAML reads 010 and 1_000 as 10 and 1000)" if numbered else ""
    raise _refused(value, problem, f"add it to 'names'{quoted}, or write one of them", columns)


def _require_ids(texts: pa.Array, num_ids: int, columns: Sequence[RawIds]) -> None:
    """Raise `InputError` unless the texts are whole numbers in [0, num_ids)."""
    names = texts.filter(pc.invert(pc.match_substring_regex(texts, NUMBER)))
    if len(names):
        value = names[0].as_py()
        raise _refused(
            value,
            f"the value {value!r} is no whole number",
            "set 'coding: hash' (or dictionary) if ids are names, or 'missing' if it is no value",
            columns,
        )
    zero = pc.match_substring_regex(texts, r"^0+$")
    wrong = texts.filter(pc.and_(pc.equal(Numbers(num_ids)(texts), 0), pc.invert(zero)))
    if len(wrong):
        value = wrong[0].as_py()
        raise _refused(
            value,
            f"the value {value} is outside [0, {num_ids})",
            "raise num_ids, set 'coding: hash' to hash whole numbers too, or 'missing' if it is no "
            "value",
            columns,
        )


def _refused(text: str, problem: str, way_out: str, columns: Sequence[RawIds]) -> InputError:
    """The error about a text, with the file, column and element where it stands first."""
    column = next(part for part in columns if pc.index(part.texts, text).as_py() >= 0)
    return InputError(
        f"{column.where}: {problem} (element {column.row_of(text)} of the column); {way_out}"
    )


def _sharing(ids: pa.Array) -> int:
    counts = pc.value_counts(ids).field("counts")
    return int(pc.sum(counts.filter(pc.greater(counts, 1))).as_py() or 0)


def _first_twins(texts: pa.Array, ids: pa.Array) -> list[str]:
    counts = pc.value_counts(ids)
    shared = counts.field("values").filter(pc.greater(counts.field("counts"), 1))[0]
    twins: list[str] = texts.filter(pc.equal(ids, shared)).to_pylist()
    return twins[:2]


def _remarks(name: str, coding: IdCoding, texts: pa.Array) -> tuple[str, ...]:
    remarks = []
    if coding.sharing > MOST_SHARING * coding.names:
        # A few names may share one by chance, though there are ids enough.
        roomy = max(10 * coding.names, 2 * coding.num_ids)
        remarks.append(
            f"column '{name}': {coding.sharing:,} of {coding.names:,} names share their id with "
            f"another ({coding.sharing / coding.names:.0%}); set 'coding: dictionary', or raise "
            f"num_ids from {coding.num_ids:,} to some {roomy:,}"
        )
    missing = sum(coding.missing_rows.values())
    zero = pc.index(texts, "0").as_py() >= 0
    if missing and zero and coding.coding == "number":
        remarks.append(
            f"column '{name}': 0 is an id, and what {missing:,} missing values became; set "
            "'coding: dictionary' to tell them apart, or 'missing: [0]' if 0 is no value"
        )
    return tuple(remarks)
