"""Trials of earlier runs, from which a search starts warm."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.search.aggregate import Aggregate
from smt.search.delta import Delta
from smt.search.trial import Trial
from smt.storage import Folder

RESULT, EVALUATIONS = "result.json", "evaluations.parquet"

Row = dict[str, Any]


def read_earlier(
    location: str | Path, techniques: Sequence[str], models: Sequence[ModelSpec]
) -> dict[str, tuple[Trial, ...]]:
    """Technique -> what a finished run tried of it on the models of this name.

    A trial has no delta of models that the run did not evaluate; it is never feasible here, for
    it was measured against another baseline.

    Args:
        location: Folder or URI of a run of generalize.

    Raises:
        InputError: There is no finished run, or it shares no technique or no model with this one.
    """
    folder = Folder(location)
    for name in (RESULT, EVALUATIONS):
        if not folder.exists(name):
            raise InputError(
                f"{location}: holds no {name}; a finished run of generalize is needed to start from"
            )
    seed = json.loads(folder.read(RESULT))["settings"]["seed"]
    rows = [
        row
        for row in folder.read_table(EVALUATIONS).to_pylist()
        if row["technique"] in techniques and row["seed"] == seed
    ]
    if not rows:
        raise InputError(f"{location}: tried none of {', '.join(techniques)}")
    names = [model.name for model in models]
    known = [row for row in rows if row["model"] in names]
    if not known:
        raise InputError(f"{location}: none of its models is a representative of this run")
    by_technique: dict[str, dict[int, dict[str, Row]]] = {}
    for row in known:
        trials = by_technique.setdefault(row["technique"], {})
        trials.setdefault(row["trial"], {})[row["model"]] = row
    return {
        technique: tuple(_trial(trials[number], names) for number in sorted(trials))
        for technique, trials in by_technique.items()
    }


def _trial(rows: dict[str, Row], names: Sequence[str]) -> Trial:
    theta = json.loads(next(iter(rows.values()))["theta"])
    outcomes = [_delta(rows[name]) if name in rows else Delta.not_evaluated() for name in names]
    return Trial(theta, outcomes, aggregate=Aggregate(math.nan, math.nan, -math.inf))


def _delta(row: Row) -> Delta:
    if row["failure"] is not None:
        return Delta.failed(row["failure"])
    return Delta.of(row["delta"], row["sem"])
