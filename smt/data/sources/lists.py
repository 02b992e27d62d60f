"""Lists that files write as texts: `1|2|3`, `[1, 2, 3]`, `["a", "b"]`, `1 2 3`."""

import ast
import json
import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import TEXT, is_text, list_of
from smt.data.sources.missing import present
from smt.errors import InputError

SEPARATORS = ("|", ",", ";", "\t", "^", "\x01", "\x02", "\x03")
"""What may stand between elements, if a column shows one alone; the last three are Hive's."""
BLANK = " "
SQUARE = r"^\[[^\[\]]*\]$"
ROUND = r"^(\([^()]*\)|\{[^{}]*\})$"
QUOTED = r"""^[\[({].*["'].*[\])}]$"""
NUMBERS = r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?"
SEVERAL = rf"^{NUMBERS}([|,;^\s\x01-\x03]+{NUMBERS})+$"
"""Several numbers, with one or another separator between them."""
PUNCTUATED = r"^\d+([-:/#&~_+]+\d+)+$"
"""Numbers with other signs between them: a list, or one name such as a date."""
SHOWN = 60


def as_lists(
    columns: Mapping[str, pa.Array], *, separator: str | None, given: Sequence[str] | None
) -> tuple[dict[str, pa.Array], str | None]:
    """The columns of all files as lists, and the separator of those that were texts.

    Lists stay as they are; a single value is a list of one. Texts are split by one separator
    in all files: the one that the schema gives, or the only one that the texts show. Brackets
    around a text and quotes around elements are no part of them; a separator at the end adds
    no element. What is missing is a null list.

    Args:
        columns: By file and column, which open every error: plain arrays.
        given: The column's `missing`.

    Raises:
        InputError: A text is no list in the separator, or the texts show several.
    """
    texts = {
        where: present(values, given) for where, values in columns.items() if is_text(values.type)
    }
    distinct = pa.concat_arrays([pa.array([], TEXT), *texts.values()]).unique().drop_null()
    try:
        parsed, used = _parse(distinct, separator)
    except _NoListError as error:
        text, problem = error.args
        where = next(
            where for where, values in texts.items() if pc.index(values, text).as_py() >= 0
        )
        shown = repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
        raise InputError(f"{where}: the value {shown} {problem}") from None
    lists = {}
    for where, values in columns.items():
        if where in texts:
            lists[where] = parsed.take(pc.index_in(texts[where], distinct))
        elif pa.types.is_list(values.type):
            lists[where] = values
        else:
            one = values.is_valid().cast(pa.int64())
            lists[where] = list_of(values.drop_null(), one, values.is_null())
    return lists, used


class _NoListError(ValueError):
    """A text that is no list, and why."""


def _parse(texts: pa.Array, separator: str | None) -> tuple[pa.Array, str | None]:
    """The lists of distinct texts, and what separates them; None where all quote elements."""
    quoted = pc.match_substring_regex(texts, QUOTED)
    literal = [_literal(text) for text in texts.filter(quoted).to_pylist()]
    bare = texts.filter(pc.invert(quoted))
    inner = _without_brackets(bare)
    if not len(bare):
        return pa.array(literal, pa.list_(TEXT)), None
    used = separator or _only_separator(bare, inner)
    split = _split(inner, used)
    _require_split(bare, split, used, SEVERAL if separator else f"{SEVERAL}|{PUNCTUATED}")
    if not literal:
        return split, used
    # Texts of both sorts, back in their places.
    order = pc.sort_indices(pc.cast(quoted, pa.int8())).to_numpy()
    places = pa.array(order.argsort())
    return pa.concat_arrays([split, pa.array(literal, pa.list_(TEXT))]).take(places), used


def _literal(text: str) -> list[str | None]:
    """The elements of a list as JSON or Python write it."""
    for parse in (json.loads, ast.literal_eval):
        try:
            elements = parse(text)
        except (ValueError, SyntaxError):
            continue
        nested = (list, tuple, dict, set)
        if isinstance(elements, (list, tuple)) and not any(isinstance(e, nested) for e in elements):
            return [None if element is None else str(element) for element in elements]
    raise _NoListError(text, "is no list of texts as JSON or Python write it")


def _without_brackets(texts: pa.Array) -> pa.Array:
    """Square brackets are no part of a list; round and curly ones where all texts have them."""
    round_ones = len(texts) and pc.all(pc.match_substring_regex(texts, ROUND)).as_py()
    bracketed = pc.match_substring_regex(texts, ROUND if round_ones else SQUARE)
    inside = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(texts, 1, -1))
    return pc.if_else(bracketed, inside, texts)


def _only_separator(texts: pa.Array, inner: pa.Array) -> str:
    """The separator that the texts show; `|` where they show none."""
    shown = [sign for sign in SEPARATORS if pc.any(pc.match_substring(inner, sign)).as_py()]
    if len(shown) > 1:
        both = texts.filter(pc.match_substring(inner, shown[1]))[0].as_py()
        raise _NoListError(
            both,
            f"may be split by {shown[1]!r}, and others by {shown[0]!r}; say which in the schema, "
            f"such as separator: {shown[0]!r}",
        )
    if shown:
        return shown[0]
    spaced = texts.filter(pc.match_substring(inner, BLANK))
    numbers = pc.match_substring_regex(spaced, r"^[\[({]?[\d\s.eE+-]+[\])}]?$")
    names = spaced.filter(pc.invert(numbers))
    if len(names):
        raise _NoListError(
            names[0].as_py(),
            "may be one name or several; say in the schema separator: ' ', or separator: '|' if it "
            "is one",
        )
    return BLANK if len(spaced) else SEPARATORS[0]


def _split(inner: pa.Array, separator: str) -> pa.Array:
    if separator == BLANK:
        lists = pc.split_pattern(pc.replace_substring_regex(inner, r"\s+", BLANK), BLANK)
    else:
        # A separator at the end adds no element.
        ended = pc.replace_substring_regex(inner, f"{re.escape(separator)}\\s*$", "")
        lists = pc.split_pattern(ended, separator)
    elements = pc.utf8_trim_whitespace(lists.flatten()).cast(TEXT)
    lengths = pc.list_value_length(lists)
    lists = list_of(elements, lengths)
    return pc.if_else(pc.equal(inner, ""), pa.scalar([], lists.type), lists)


def _require_split(texts: pa.Array, lists: pa.Array, separator: str, several: str) -> None:
    """Raise `_NoListError` for an element that is a list in another separator or in brackets."""
    elements = lists.flatten()
    wrong = pc.match_substring_regex(elements, rf"{several}|^\[|\]$")
    if pc.any(wrong).as_py():
        place = pc.index(wrong, True).as_py()
        raise _NoListError(
            texts[pc.list_parent_indices(lists)[place].as_py()].as_py(),
            f"is no list in the separator {separator!r}: {elements[place].as_py()[:SHOWN]!r} would "
            "be one element; set 'separator' in the schema, or write all lists alike",
        )
