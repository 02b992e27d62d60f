"""Drafts the schema of a log from its files, as commented YAML for a person to edit."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from smt.data.sources.arrow_types import plain
from smt.data.sources.column_drafts import (
    Draft,
    ListColumn,
    draft_list,
    draft_single,
    draft_surface,
    id_space,
    left_out,
    read_lists,
)
from smt.data.sources.column_names import (
    ACTION,
    INDEX,
    LABELS,
    OUTCOME,
    PERSON,
    PLACES,
    PROPENSITY,
    RATING,
    SURFACES,
    WEIGHT,
    is_time,
    tells,
    time_rank,
    words,
)
from smt.data.sources.delimited import Header, read_header
from smt.data.sources.derived import AT_LEAST, IS, ROW_NUMBER
from smt.data.sources.files import is_parquet, list_files, read_files
from smt.data.sources.layouts import Headed, headed
from smt.data.sources.raw_columns import RawColumn
from smt.data.sources.time_drafts import time_keys
from smt.errors import InputError

FEW_ACTIONS = 20
FEW_SURFACES = 50
LIKED = 0.8
"""The share of the best rating from which on a rating is drafted as liked: 4 of 5."""


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
    headers = _headers(sources, delimiter)
    types = {name: kind for header in headers for name, kind in header.types.items()}
    columns, drafts = _columns(tables, types)
    names = list(dict.fromkeys(name for table in tables.values() for name in table.column_names))
    layout = headed(names)
    drafts |= {name: left_out(reason) for name, reason in layout.left_out} if layout else {}
    drafts |= _plainly_useless(_open(columns, drafts))
    drafts |= _timestamp(_open(columns, drafts))
    drafts |= _labels(_open(columns, drafts), columns)
    drafts |= _roles(_open(columns, drafts))
    drafts |= _lists(_open(columns, drafts))
    drafts |= {name: draft_single(column) for name, column in _open(columns, drafts).items()}
    drafts = _with_shared_ids(_with_cluster(drafts), columns)
    lines = _about(sources, tables, layout, {header.data_set for header in headers} - {""})
    lines += _to_do([draft.keys["kind"] for draft in drafts.values() if draft.keys])
    lines.append("columns:")
    for name in _ordered(names, drafts):
        lines += _entry(name, drafts[name])
    return "\n".join(lines) + "\n"


def _open(columns: Mapping[str, RawColumn], drafts: Mapping[str, Draft]) -> dict[str, RawColumn]:
    """The columns of which nothing is drafted yet."""
    return {name: column for name, column in columns.items() if name not in drafts}


def _ordered(names: Sequence[str], drafts: Mapping[str, Draft]) -> list[str]:
    """The files' order, with columns made of others behind."""
    return [*(name for name in names if name in drafts), *(n for n in drafts if n not in names)]


def _headers(sources: Sequence[str | Path], delimiter: str | None) -> list[Header]:
    files = list_files(sources)
    return [read_header(file, None, delimiter) for file in files if not is_parquet(file)]


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


def _labels(
    columns: Mapping[str, RawColumn], all_columns: Mapping[str, RawColumn]
) -> dict[str, Draft]:
    """Events: of 0 and 1 by their names, else made of a rating or of what a user did."""
    drafts: dict[str, Draft] = {}
    for name, column in columns.items():
        if column.is_list or not tells(name, LABELS):
            continue
        if column.is_binary:
            drafts[name] = _event(column)
        elif {*column.texts.slice(0, 3).to_pylist()} == {"-1", "1"}:
            drafts[name] = left_out(f"holds -1 and 1; '{name}{IS}1' is made of it")
            drafts[f"{name}{IS}1"] = Draft({"kind": "event"}, (f"1 where '{name}' is 1",))
    labels = [all_columns[name] for name in drafts if name in all_columns]
    for name, column in columns.items():
        twin = next((label for label in labels if _are_twins(column, label)), None)
        if name not in drafts and twin is not None:
            drafts[name] = left_out(f"is the label '{twin.name}', or its opposite, in every row")
    events = [name for name, draft in drafts.items() if draft.keys is not None]
    for name, column in columns.items():
        if name in drafts or column.is_list:
            continue
        if RATING.fullmatch(name) and column.numbers is not None:
            drafts |= _of_rating(column, wanted=not events)
        elif ACTION.fullmatch(name) and 2 <= len(column.texts) <= FEW_ACTIONS:
            drafts |= _of_action(column, wanted=not events)
    return drafts


def _event(column: RawColumn) -> Draft:
    share = sum(
        pc.sum(
            pc.is_in(values.cast(pa.string()), pa.array(["1", "1.0", "true", "True", "TRUE"]))
        ).as_py()
        or 0
        for values in column.parts.values()
    )
    remarks = [f"1 in {share / column.rows:.2%} of the rows"]
    if column.missing:
        remarks.append(f"{column.missing:,} rows have no label, which is refused: remove them")
    return Draft({"kind": "event"}, tuple(remarks))


def _are_twins(column: RawColumn, label: RawColumn) -> bool:
    """Whether two columns of 0 and 1 are equal, or each other's opposite, in all rows."""
    if column is label or not column.is_binary or column.missing or label.missing:
        return False
    parts = list(zip(column.parts.values(), label.parts.values(), strict=True))
    same = [pc.equal(_truths(one), _truths(other)) for one, other in parts]
    counts = sum(pc.sum(part).as_py() or 0 for part in same)
    return counts in (0, column.rows)


def _truths(values: pa.Array) -> pa.Array:
    return pc.is_in(values.cast(pa.string()), pa.array(["1", "1.0", "true", "True", "TRUE"]))


def _of_rating(column: RawColumn, *, wanted: bool) -> dict[str, Draft]:
    assert column.numbers is not None
    best = pc.max(column.numbers).as_py()
    least = f"{LIKED * best:g}"
    drafts = {column.name: left_out("known only after the impression, so no feature")}
    if wanted:
        label = f"{column.name}{AT_LEAST}{least}"
        remarks = (
            f"made of '{column.name}' (the best is {best:g}): 1 from {least} on; another number in "
            "the name is another threshold",
            "rated items alone are in the log: this predicts what is liked of what was chosen",
        )
        drafts[label] = Draft({"kind": "event"}, remarks)
    return drafts


def _of_action(column: RawColumn, *, wanted: bool) -> dict[str, Draft]:
    drafts = {column.name: left_out("what the user did is known only after the impression")}
    actions = column.texts.to_pylist()
    counts = dict.fromkeys(actions, 0)
    for values in column.parts.values():
        for entry in pc.value_counts(values.cast(pa.string())).to_pylist():
            if entry["values"] in counts:
                counts[entry["values"]] += entry["counts"]
    commonest = max(counts, key=lambda action: counts[action])
    for action in sorted(counts) if wanted else ():
        if action != commonest:
            share = counts[action] / column.rows
            drafts[f"{column.name}{IS}{action}"] = Draft(
                {"kind": "event"}, (f"made of '{column.name}': 1 in {share:.2%} of the rows",)
            )
    return drafts


def _roles(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """The surface, the weight and the propensity."""
    drafts: dict[str, Draft] = {}
    for name, column in columns.items():
        if column.is_list or column.type == "float":
            continue
        taken = {draft.keys["kind"] for draft in drafts.values() if draft.keys}
        lowest = None if column.numbers is None else pc.min(column.numbers).as_py()
        place = tells(name, SURFACES) or PLACES.fullmatch(name)
        if place and 2 <= len(column.texts) <= FEW_SURFACES and "surface" not in taken:
            drafts[name] = draft_surface(column)
        elif lowest is None or column.missing:
            continue
        elif WEIGHT.fullmatch(name) and lowest >= 0 and "weight" not in taken:
            drafts[name] = Draft({"kind": "weight"}, ("counts in training and evaluation",))
        elif PROPENSITY.fullmatch(name) and lowest > 0 and "propensity" not in taken:
            drafts[name] = Draft({"kind": "propensity"})
    return drafts


def _lists(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    lists = {name: read for name, column in columns.items() if (read := read_lists(column))}
    steps = [name for name in lists if is_time(name)]
    drafts: dict[str, Draft] = {}
    for name, read in lists.items():
        if name in steps:
            continue
        draft = draft_list(name, read)
        if draft.keys and draft.keys["kind"] != "embedding":
            draft = _with_times(draft, name, read, {step: lists[step] for step in steps})
        drafts[name] = draft
    used = {
        draft.keys["timestamps"] for draft in drafts.values() if "timestamps" in (draft.keys or {})
    }
    for step in steps:
        if step not in used:
            drafts[step] = left_out("lists of times whose lengths are those of no history")
    return drafts


def _with_times(
    draft: Draft, name: str, read: ListColumn, steps: Mapping[str, ListColumn]
) -> Draft:
    """A history with the lists of its steps' times."""
    assert draft.keys is not None
    paired = [step for step, times in steps.items() if times.lengths.equals(read.lengths)]
    keys = dict(draft.keys)
    if not paired and keys["kind"] == "sequence":
        return Draft(
            keys | {"order": "oldest_first"},
            (
                *draft.remarks,
                "CHECK the order: nothing in the files tells which step is the latest",
            ),
        )
    if not paired:
        return draft
    times = steps[paired[0]].elements
    time = time_keys(times)
    keys = {"kind": "sequence", **{k: v for k, v in keys.items() if k not in ("kind", "side")}}
    unit = {} if time is None else {k: v for k, v in time[0].items() if k == "unit"}
    return Draft(keys | {"timestamps": paired[0], "side": "user"} | unit, draft.remarks)


def _with_cluster(drafts: Mapping[str, Draft]) -> dict[str, Draft]:
    """The first id of persons is what rows are clustered by."""
    result = dict(drafts)
    for name, draft in drafts.items():
        if PERSON.fullmatch(name) and draft.keys and draft.keys["kind"] == "id":
            remark = "rows of one person are not independent: standard errors are clustered by it"
            result[name] = Draft(draft.keys | {"cluster": True}, (*draft.remarks, remark))
            break
    return result


def _with_shared_ids(
    drafts: Mapping[str, Draft], columns: Mapping[str, RawColumn]
) -> dict[str, Draft]:
    """Lists whose elements are another column's ids share its ids."""
    result = dict(drafts)
    singles = [name for name, draft in drafts.items() if draft.keys and draft.keys["kind"] == "id"]
    for name, draft in drafts.items():
        if not draft.keys or draft.keys["kind"] not in ("id_list", "sequence"):
            continue
        read = read_lists(columns[name])
        assert read is not None
        target = _ids_of(name, read.elements, [columns[single] for single in singles])
        if target is None:
            continue
        shared = id_space([columns[target], read.elements])
        former = result[target]
        assert former.keys is not None
        if former.keys["coding"] == shared["coding"]:
            shared["num_ids"] = max(shared["num_ids"], former.keys["num_ids"])
        result[target] = Draft({**former.keys, **shared}, former.remarks)
        keys = {key: value for key, value in draft.keys.items() if key != "coding"}
        keys |= {"num_ids": shared["num_ids"], "of": target}
        result[name] = Draft(keys, (*draft.remarks, f"its ids are those of '{target}'"))
    sizes = {
        name: draft.keys["num_ids"]
        for name, draft in result.items()
        if draft.keys and "num_ids" in draft.keys
    }
    return {
        name: Draft({**draft.keys, "num_ids": sizes[draft.keys["of"]]}, draft.remarks)
        if draft.keys and "of" in draft.keys
        else draft
        for name, draft in result.items()
    }


def _ids_of(name: str, elements: RawColumn, singles: Sequence[RawColumn]) -> str | None:
    """The column that has most of the elements as its ids: half, or some where names agree."""
    shares = {}
    for single in singles:
        common = pc.sum(pc.is_in(elements.texts, single.texts)).as_py() or 0
        share = common / max(len(elements.texts), 1)
        agree = not {*words(name)}.isdisjoint({*words(single.name)} - {"id", "ids"})
        if (agree and common) or share >= 0.5:
            shares[single.name] = (agree, share, len(single.texts))
    return max(shares, key=lambda single: shares[single], default=None)


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


def _to_do(kinds: Collection[str]) -> list[str]:
    """What a person must add, as a log needs it."""
    lines = []
    if "timestamp" not in kinds:
        lines += [
            "# TO DO: no column is the time of its row, which orders the log and splits it. Add it,",
            "# or, if rows stand in the order in which they happened (or have no order at all), use",
            f"#   {ROW_NUMBER}: {{kind: timestamp, unit: ms}}",
        ]
    if "event" not in kinds:
        lines += [
            "# TO DO: no column is known to be a label. An event is a column of 0 and 1: make one of",
            "# kind 'event', or name one after what makes it 1, such as",
            f"#   rating{AT_LEAST}4: {{kind: event}}   or   action{IS}buy: {{kind: event}}",
        ]
    return lines


def _entry(name: str, draft: Draft) -> list[str]:
    if draft.keys is None:
        return [f"  # {_yaml(name)}: {'; '.join(draft.remarks)}"]
    return [
        *(f"  # {remark}" for remark in draft.remarks),
        f"  {_yaml({name: dict(draft.keys)})[1:-1]}",
    ]


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**9)
    return text.removesuffix("...\n").strip()
