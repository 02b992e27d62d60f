"""Drafts the schema of a log from its files, as commented YAML for a person to edit."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.arrow_types import plain
from smt.data.sources.column_drafts import Draft, draft_id, draft_single, draft_surface, left_out
from smt.data.sources.column_names import (
    INDEX,
    OUTCOME,
    PERSON,
    PLACES,
    PROPENSITY,
    SURFACES,
    WEIGHT,
    is_time,
    tells,
    time_rank,
    words,
)
from smt.data.sources.delimited import read_header
from smt.data.sources.derived import AT_LEAST, IS, ROW_NUMBER
from smt.data.sources.files import is_parquet, list_files, read_files
from smt.data.sources.label_drafts import draft_labels, draft_values
from smt.data.sources.layouts import Headed, headed
from smt.data.sources.list_drafts import draft_lists, with_shared_ids
from smt.data.sources.raw_columns import RawColumn
from smt.data.sources.time_drafts import time_keys
from smt.errors import InputError
from smt.yaml_text import OneLine, format_yaml

FEW_SURFACES = 50


def infer_schema(sources: Sequence[str | Path], *, delimiter: str | None = None) -> str:
    """Draft the schema of a log.

    Every value of every column is looked at. What names and values do not tell beyond doubt is
    said in a comment; a column that is not understood is left out, with the reason.

    Args:
        sources: Files and folders as of `read_files`.
        delimiter: As of `read_files`.

    Returns:
        The text of a YAML file that `prepare_data.py table --schema` reads once its comments
        have been decided.

    Raises:
        InputError: As of `read_files`.
    """
    tables = read_files(sources, delimiter=delimiter)
    texts = [file for file in list_files(sources) if not is_parquet(file)]
    headers = [read_header(file, None, delimiter) for file in texts]
    types = {name: kind for header in headers for name, kind in header.types.items()}
    columns, drafts = _columns(tables, types)
    names = list(dict.fromkeys(name for table in tables.values() for name in table.column_names))
    layout = headed(names)
    drafts |= {name: left_out(reason) for name, reason in layout.left_out} if layout else {}
    drafts |= draft_values(_singles(_open(columns, drafts)))
    drafts |= _plainly_useless(_open(columns, drafts))
    drafts |= _timestamp(_open(columns, drafts))
    drafts |= draft_labels(_singles(_open(columns, drafts)))
    drafts |= _roles(_singles(_open(columns, drafts)))
    drafts |= draft_lists(_open(columns, drafts))
    ids = layout.ids if layout else frozenset()
    drafts |= {
        name: draft_id(column) if name in ids else draft_single(column)
        for name, column in _open(columns, drafts).items()
    }
    drafts = with_shared_ids(_with_cluster(drafts), columns)
    lines = _about(sources, tables, layout, {header.data_set for header in headers} - {""})
    lines += _to_do({draft.keys.get("kind") for draft in drafts.values()})
    lines.append("columns:")
    # In the files' order, with columns made of others behind.
    for name in dict.fromkeys(name for name in (*names, *drafts) if name in drafts):
        lines += _entry(name, drafts[name])
    return "\n".join(lines) + "\n"


def _open(columns: Mapping[str, RawColumn], drafts: Mapping[str, Draft]) -> dict[str, RawColumn]:
    """The columns of which nothing is drafted yet."""
    return {name: column for name, column in columns.items() if name not in drafts}


def _singles(columns: Mapping[str, RawColumn]) -> dict[str, RawColumn]:
    return {name: column for name, column in columns.items() if not column.is_list}


def _columns(
    tables: Mapping[str, pa.Table], types: Mapping[str, str]
) -> tuple[dict[str, RawColumn], dict[str, Draft]]:
    """The columns that all files have and that can be read, and drafts of the others."""
    columns, drafts = {}, {}
    for name in dict.fromkeys(name for table in tables.values() for name in table.column_names):
        without = [file for file, table in tables.items() if name not in table.column_names]
        if without:
            drafts[name] = left_out(f"{Path(without[0]).name} does not have it")
            continue
        try:
            parts = {
                f"{file}: column '{name}'": plain(table[name], f"column '{name}'")
                for file, table in tables.items()
            }
        except InputError as error:
            drafts[name] = left_out(str(error).removeprefix(f"column '{name}': "))
            continue
        columns[name] = RawColumn(name, parts, types.get(name))
    return columns, drafts


def _plainly_useless(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    drafts = {}
    for name, column in columns.items():
        if INDEX.fullmatch(name):
            drafts[name] = left_out("the number of the row, as pandas writes it")
        elif OUTCOME.search("_".join(words(name))):
            drafts[name] = left_out("known only after the impression, so no feature")
        elif column.is_list or is_time(name):
            continue
        elif not len(column.texts):
            drafts[name] = left_out("has no value in any row")
        elif len(column.texts) == 1 and not column.missing:
            value = column.texts[0].as_py()
            drafts[name] = left_out(f"is {value!r} in every row, so that it tells nothing")
    return drafts


def _timestamp(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """The column of times; others of times are left out."""
    readable = {
        name: keys
        for name, column in columns.items()
        if (column.is_moment or is_time(name)) and not column.is_list
        for keys in [time_keys(column)]
        if keys is not None
    }
    if not readable:
        return {}
    best = min(
        readable, key=lambda name: (time_rank(name), -len(columns[name].texts), len(words(name)))
    )
    drafts = {
        name: left_out(f"a time beside '{best}'; its hour or weekday may be a feature")
        for name in readable
        if name != best
    }
    keys, remarks = readable[best]
    return drafts | {best: Draft({"kind": "timestamp"} | keys, tuple(remarks))}


def _roles(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """The surface, the weight and the propensity."""
    drafts: dict[str, Draft] = {}
    for name, column in columns.items():
        if column.type == "float":
            continue
        taken = {draft.keys.get("kind") for draft in drafts.values()}
        lowest = None if column.numbers is None else pc.min(column.numbers).as_py()
        of_codes = column.numbers is None or column.is_whole
        place = of_codes and (tells(name, SURFACES) or PLACES.fullmatch(name))
        if place and 2 <= len(column.texts) <= FEW_SURFACES and "surface" not in taken:
            drafts[name] = draft_surface(column)
        elif lowest is None or column.missing:
            continue
        elif WEIGHT.fullmatch(name) and lowest >= 0 and "weight" not in taken:
            drafts[name] = Draft({"kind": "weight"}, ("counts in training and evaluation",))
        elif PROPENSITY.fullmatch(name) and "propensity" not in taken:
            if lowest <= 0 or pc.max(column.numbers).as_py() > 1:
                continue
            drafts[name] = Draft({"kind": "propensity"})
    return drafts


def _with_cluster(drafts: Mapping[str, Draft]) -> dict[str, Draft]:
    """The first id of persons is what rows are clustered by."""
    result = dict(drafts)
    for name, draft in drafts.items():
        if PERSON.fullmatch(name) and draft.keys.get("kind") == "id":
            remark = "rows of one person are not independent: standard errors are clustered by it"
            result[name] = Draft(draft.keys | {"cluster": True}, (*draft.remarks, remark))
            break
    return result


def _about(
    sources: Sequence[str | Path],
    tables: Mapping[str, pa.Table],
    layout: Headed | None,
    data_sets: Collection[str],
) -> list[str]:
    rows = sum(table.num_rows for table in tables.values())
    known = sorted({*data_sets, *([layout.data_set] if layout else [])})
    return [
        f"# Drafted from {rows:,} rows of {', '.join(str(source) for source in sources)}.",
        "# Read it line by line: what a column is, is guessed from its name and values.",
        *(f"# Recognised: {data_set}." for data_set in known),
        *(f"# Note: {remark}." for remark in (layout.remarks if layout else ())),
    ]


def _to_do(kinds: Collection[str | None]) -> list[str]:
    """What a person must add, as a log needs it."""
    lines = []
    if "timestamp" not in kinds:
        lines += [
            "# TO DO: no column is the time of its row, which orders and splits the log. Add it,",
            "# or, if rows stand in the order in which they happened (or have no order), use",
            f"#   {ROW_NUMBER}: {{kind: timestamp, unit: ms}}",
        ]
    if "event" not in kinds:
        lines += [
            "# TO DO: no column is known to be a label. An event is a column of 0 and 1: make one",
            "# of kind 'event', or name one after what makes it 1, such as",
            f"#   rating{AT_LEAST}4: {{kind: event}}   or   action{IS}buy: {{kind: event}}",
        ]
    return lines


def _entry(name: str, draft: Draft) -> list[str]:
    """The lines of a column: comments, and its keys where it is not left out."""
    if not draft.keys:
        return [_comment(f"{name!r}: {'; '.join(draft.remarks)}")]
    keys = format_yaml({name: OneLine(draft.keys)}, width=float("inf"))
    return [*map(_comment, draft.remarks), *(f"  {line}" for line in keys.splitlines())]


def _comment(text: str) -> str:
    return f"  # {' '.join(text.splitlines())}"
