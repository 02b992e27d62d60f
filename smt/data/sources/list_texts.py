"""Lists as languages print them: `['a' 'b']`, `{"a", "b"}`, `List(a, b)`, `'a'|'b'`."""

import ast
import json
import re
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.numbers import NUMBER

SIGNS = r"[,;|^\x01-\x03]"
"""What may stand between quoted elements, beside blanks."""
TYPES = (
    r"List|ListBuffer|ArrayBuffer|Buffer|WrappedArray|ArraySeq|Array|Vector|Seq|Set|HashSet|"
    r"array|frozenset|set|list|tuple|deque|tensor|Index"
)
NAMED = rf"(?s)^(?:{TYPES})\((.*?)(?:,\s*(?:dtype|device|name|maxlen)=[^()]*)?\)$"
"""A list behind the name of its type, as Scala, Python and numpy print it."""
SCALAR = r"""\bnp\.(?:str_|bool_?|u?int\d+|float\d+)\(('[^']*'|"[^"]*"|[^()'"]*)\)"""
"""An element as numpy prints it within a list of Python's."""
QUOTE = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
IN_BRACKETS = r"""(?s)^(?:\[.*["'].*\]|\(.*["'].*\)|\{.*["'].*\})$"""
BRACKETED = rf"(?s)^(?:\[.*\]|\{{.*,.*\}}|(?:{TYPES})\(.*\))$"
"""Texts that are lists by their looks alone."""
NESTED = r"(?s)^\[\s*\[.*\]\s*\]$"
CUT = ("...", "…")
WAS_CUT = (
    "is a list that was shortened when it was printed: some of its elements are not there; write "
    "it whole (of an array of numpy, its tolist())"
)
CUT_SHORT = r"(?s)^[\[({](?:.*[\s,;|])?(?:\.\.\.|…)(?:[\s,;|].*)?[\])}]$"
WORDS = {
    **dict.fromkeys(("None", "null", "nan", "NaN", "NaT", "<NA>"), None),
    **dict.fromkeys(("True", "true"), "True"),
    **dict.fromkeys(("False", "false"), "False"),
}
"""Elements without quotes beside those with them; None is a missing one."""


class NoListError(ValueError):
    """A text that is no list, and why."""


def unnamed(texts: pa.Array) -> pa.Array:
    """The texts without the names of types: `List(a, b)` is `[a, b]`, `set()` is `[]`."""
    named = pc.match_substring_regex(texts, NAMED)
    if pc.any(named).as_py():
        inside = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, NAMED, r"\1"))
        bracketed = pc.match_substring_regex(inside, r"(?s)^(?:\[.*\]|\{.*\}|\(.*\))$")
        wrapped = pc.replace_substring_regex(texts, NAMED, r"[\1]")
        texts = pc.if_else(named, pc.if_else(bracketed, inside, wrapped), texts)
    scalars = pc.match_substring_regex(texts, rf"(?s)^[\[({{].*{SCALAR}")
    if pc.any(scalars).as_py():
        texts = pc.if_else(scalars, pc.replace_substring_regex(texts, SCALAR, r"\1"), texts)
    return texts


def are_quoted(texts: pa.Array, separator: str | None) -> pa.Array:
    """Which texts are lists of quoted elements: some within brackets, or all without any."""
    sign = re.escape(separator) if separator and separator.strip() else SIGNS
    bare = rf"(?s)^{QUOTE}(?:(?:\s*{sign}\s*|\s+){QUOTE})*\s*(?:{sign})?$"
    return pc.match_substring_regex(texts, rf"{IN_BRACKETS}|{bare}")


def quoted_elements(text: str, separator: str | None) -> list[str | None]:
    """The elements of a list as JSON, Python or numpy write it, or of quoted ones alone.

    Raises:
        NoListError: It is none, or was cut short.
    """
    bracketed = text[0] in "[({"
    if bracketed:
        # What is no JSON is read below, as Python or numpy write it.
        with suppress(ValueError):
            elements = json.loads(text)
            if isinstance(elements, list) and not any(isinstance(e, list | dict) for e in elements):
                return [None if element is None else str(element) for element in elements]
    sign = re.escape(separator) if separator and separator.strip() else SIGNS
    token = re.compile(
        rf"(?P<gap>\s*)(?:(?P<sign>{sign}|,)|(?P<text>{QUOTE})|(?P<word>[^\s,;|'\"()\[\]{{}}]+))",
        re.DOTALL,
    )
    inside = (text[1:-1] if bracketed else text).rstrip()
    found: list[str | None] = []
    between, last, place = set(), ",", 0
    while place < len(inside):
        match = token.match(inside, place)
        if match is None or (match["sign"] and last):
            raise _no_list(text)
        place = match.end()
        if match["sign"]:
            last = match["sign"]
            between.add(last)
            continue
        if not last:
            # Texts side by side are one to Python, and several to numpy.
            if not match["gap"]:
                raise _no_list(text)
            between.add(" ")
        last = ""
        found.append(_element(match["text"], match["word"], text))
    if len(between) > 1:
        raise NoListError(text, "has several signs between its elements; write one of them alone")
    return found


def _element(quoted: str | None, word: str | None, text: str) -> str | None:
    if quoted is None:
        assert word is not None
        if word in CUT:
            raise NoListError(text, WAS_CUT)
        if word not in WORDS and not re.fullmatch(NUMBER, word):
            raise _no_list(text)
        return WORDS.get(word, word)
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(ast.literal_eval(quoted))
    except (ValueError, SyntaxError):
        raise _no_list(text) from None


def _no_list(text: str) -> NoListError:
    return NoListError(
        text, "is no list of texts as JSON, Python or numpy write it; write lists such as 'a|b|c'"
    )
