"""Lists that files write as texts: `1|2|3`, `[1, 2, 3]`, `["a", "b"]`, `1 2 3`."""

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import TEXT, is_text, list_of
from smt.data.sources.list_texts import (
    CUT,
    CUT_SHORT,
    NESTED,
    TYPES,
    WAS_CUT,
    NoListError,
    are_quoted,
    quoted_elements,
    unnamed,
)
from smt.data.sources.missing import present
from smt.errors import InputError

SEPARATORS = ("|", ",", ";", "\t", "^", "\x01", "\x02", "\x03")
"""What may stand between elements, if a column shows one alone; the last three are Hive's."""
BLANK = " "
BRACKETS = r"^(\[[^\[\]]*\]|\{[^{}]*\})$"
ROUND = r"^\([^()]*\)$"
UNEVEN = r"""^\[|\]$|^\{[^}]*$|^[^{]*\}$|^'.*'$|^".*"$"""
"""Elements with a bracket, or quotes that are not round all of their list."""
HALVES = (
    (r"(^|\w ?)\([^)]*$", r"^[^(]*\)"),
    (r"^<[^>]*$", r"^[^<]*>$"),
    (r'^"[^"]+$', r'^[^"]+"$'),
    (r"^'[^']+$", r"^[^']+'$"),
)
"""What opens one element and closes another of its list, so that they were no elements."""
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
    around a text (round ones where all texts have them), the name of a type before them and
    quotes around all elements are no part of them; a separator at the end adds no element.
    What is missing is a null list.

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
    forms = unnamed(distinct)
    try:
        parsed, used = _parse(forms, separator)
    except NoListError as error:
        form, problem = error.args
        text = distinct[pc.index(forms, form).as_py()].as_py()
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


def _parse(texts: pa.Array, separator: str | None) -> tuple[pa.Array, str | None]:
    """The lists of distinct texts, and what separates them; None where all quote elements."""
    quoted = are_quoted(texts, separator)
    literal = [quoted_elements(text, separator) for text in texts.filter(quoted).to_pylist()]
    bare = texts.filter(pc.invert(quoted))
    _require_whole(bare, pc.match_substring_regex(bare, CUT_SHORT))
    nested = bare.filter(pc.match_substring_regex(bare, NESTED))
    if len(nested):
        problem = "holds lists within lists, which no column does; write one list in each row"
        raise NoListError(nested[0].as_py(), problem)
    inner = _without_brackets(bare)
    if not len(bare):
        return pa.array(literal, pa.list_(TEXT)), None
    used = separator or _only_separator(bare, inner)
    split = _split(inner, used)
    _require_split(bare, split, used, said=separator is not None)
    if not literal:
        return split, used
    # Texts of both sorts, back in their places.
    order = pc.sort_indices(pc.cast(quoted, pa.int8())).to_numpy()
    places = pa.array(order.argsort())
    return pa.concat_arrays([split, pa.array(literal, pa.list_(TEXT))]).take(places), used


def _require_whole(texts: pa.Array, cut: pa.Array) -> None:
    """Raise `NoListError` for a list whose middle was left out."""
    if pc.any(cut).as_py():
        raise NoListError(texts.filter(cut)[0].as_py(), WAS_CUT)


def _without_brackets(texts: pa.Array) -> pa.Array:
    """Brackets are no part of a list; round ones where all texts have them."""
    round_ones = len(texts) and pc.all(pc.match_substring_regex(texts, ROUND)).as_py()
    bracketed = pc.match_substring_regex(texts, ROUND if round_ones else BRACKETS)
    inside = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(texts, 1, -1))
    return pc.if_else(bracketed, inside, texts)


def _only_separator(texts: pa.Array, inner: pa.Array) -> str:
    """The separator that the texts show; `|` where they show none."""
    shown = [sign for sign in SEPARATORS if pc.any(pc.match_substring(inner, sign)).as_py()]
    if len(shown) > 1:
        both = texts.filter(pc.match_substring(inner, shown[1]))[0].as_py()
        first, second = (repr(sign) for sign in shown[:2])
        how = f"or by {first}" if shown[0] in both else f"and others by {first}"
        raise NoListError(
            both,
            f"may be split by {second}, {how}; say which in the schema, "
            f"separator: {first} or separator: {second}",
        )
    if shown:
        return shown[0]
    spaced = texts.filter(pc.match_substring(inner, BLANK))
    numbers = pc.match_substring_regex(spaced, r"^[\[({]?[\d\s.eE+-]+[\])}]?$")
    names = spaced.filter(pc.invert(numbers))
    if len(names):
        raise NoListError(
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


def _require_split(texts: pa.Array, lists: pa.Array, separator: str, *, said: bool) -> None:
    """Raise `NoListError` for an element that is a list in another separator or form.

    Args:
        said: The schema gives the separator.
    """
    several = SEVERAL if said else f"{SEVERAL}|{PUNCTUATED}"
    elements, rows = lists.flatten(), pc.list_parent_indices(lists)
    cut = pc.is_in(elements, pa.array(CUT, TEXT))
    _require_whole(texts.take(rows), cut)
    wrong = pc.match_substring_regex(elements, rf"{several}|{UNEVEN}|^(?:{TYPES})\(.*\)$")
    for opening, closing in HALVES:
        closed = rows.filter(pc.match_substring_regex(elements, closing))
        half = pc.and_(pc.match_substring_regex(elements, opening), pc.is_in(rows, closed))
        wrong = pc.or_(wrong, half)
    if pc.any(wrong).as_py():
        place = pc.index(wrong, True).as_py()
        way_out = "write all lists alike, without brackets and quotes, and decimals with a point"
        if not said:
            way_out = "set 'separator' in the schema, or write all lists alike"
        raise NoListError(
            texts[rows[place].as_py()].as_py(),
            f"is no list in the separator {separator!r}: {elements[place].as_py()[:SHOWN]!r} would "
            f"be one element; {way_out}",
        )
