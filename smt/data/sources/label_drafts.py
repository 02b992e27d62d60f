"""Drafts of a log's events, of what its columns of labels, ratings and actions are called."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from smt.data.sources.column_drafts import Draft, left_out
from smt.data.sources.column_names import (
    ACTION,
    AMOUNT_EARNED,
    LABELS,
    OUTCOME,
    RATING,
    tells,
    words,
)
from smt.data.sources.derived import AT_LEAST, IS
from smt.data.sources.missing import present
from smt.data.sources.numbers import finite_numbers
from smt.data.sources.raw_columns import RawColumn
from smt.data.sources.raw_ids import raw_ids

FEW_ACTIONS = 20
"""The most kinds of action of which each may be an event of its own."""
LIKED = 0.8
"""The share of the best rating from which on a rating is drafted as liked: 4 of 5."""


def draft_values(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """Values: how long, or for how much, where that is 0 in some rows.

    Args:
        columns: Of single values.
    """
    return {name: _value(column) for name, column in columns.items() if _is_value(column)}


def draft_labels(columns: Mapping[str, RawColumn]) -> dict[str, Draft]:
    """Events: of 0 and 1 by their names, else made of a rating or of what a user did.

    Args:
        columns: Of single values.
    """
    drafts: dict[str, Draft] = {}
    for name, column in columns.items():
        if not tells(name, LABELS):
            continue
        if column.is_binary:
            drafts[name] = _event(column)
        elif {*column.texts.slice(0, 3).to_pylist()} == {"-1", "1"}:
            drafts[name] = left_out(f"holds -1 and 1; '{name}{IS}1' is made of it")
            drafts[f"{name}{IS}1"] = Draft({"kind": "event"}, (f"1 where '{name}' is 1",))
    labels = [columns[name] for name in drafts if name in columns]
    for name, column in columns.items():
        twin = next((label for label in labels if _are_twins(column, label)), None)
        if name not in drafts and twin is not None:
            drafts[name] = left_out(f"is the label '{twin.name}', or its opposite, in every row")
    events = [name for name, draft in drafts.items() if draft.keys]
    for name, column in columns.items():
        if name in drafts:
            continue
        if RATING.fullmatch(name) and column.numbers is not None:
            drafts |= _of_rating(column, wanted=not events)
        elif ACTION.fullmatch(name) and 2 <= len(column.texts) <= FEW_ACTIONS:
            drafts |= _of_action(column, wanted=not events)
    return drafts


def _is_value(column: RawColumn) -> bool:
    """Whether a column says how much followed: numbers from 0 on, named as times or amounts are."""
    name = "_".join(words(column.name))
    if not (OUTCOME.search(name) or AMOUNT_EARNED.fullmatch(name)):
        return False
    if column.is_binary or column.numbers is None:
        return False
    least, most = pc.min_max(column.numbers).as_py().values()
    return bool(least == 0 < most < float("inf"))


def _value(column: RawColumn) -> Draft:
    parts = [present(values, None) for values in column.parts.values()]
    nothing = sum(pc.sum(_nothing(values)).as_py() or 0 for values in parts)
    remarks = [
        f"0 in {nothing / column.rows:.2%} of the rows",
        "known only after the impression, so no feature",
    ]
    if column.missing:
        remarks.append(
            f"{column.missing:,} rows have no value, which is refused: remove them, or write 0"
        )
    return Draft({"kind": "value"}, tuple(remarks))


def _nothing(values: pa.Array) -> pa.Array:
    """Which numbers are 0, however they are written."""
    return pc.equal(finite_numbers(values, None, ""), 0.0)


def _event(column: RawColumn) -> Draft:
    share = sum(pc.sum(_truths(values)).as_py() or 0 for values in column.parts.values())
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
    """Which values of a column of 0 and 1 are 1."""
    raw = raw_ids(values, None, "")
    return pc.equal(raw.texts, "1").take(raw.places)


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
                {"kind": "event"},
                (
                    f"made of '{column.name}': 1 in {share:.2%} of the rows",
                    "told from other actions, as what led to none is not in the log",
                ),
            )
    return drafts
