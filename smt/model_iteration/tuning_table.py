"""What tuning came to over a fleet: columns of its table, and their summary."""

import json
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import pyarrow as pa

from smt.model_iteration.instance import Instance

# `hyperparameters` and `default` are JSON, place -> value; all but the first are null where a
# model was not tuned.
TUNING_SCHEMA = (
    ("hyperparameters", pa.string()),
    ("tuning", pa.string()),
    ("tuning_default", pa.string()),
    ("tuning_evaluations", pa.int64()),
    ("tuning_failures", pa.int64()),
    ("validation_delta", pa.float64()),
    ("validation_sem", pa.float64()),
    ("confirmed_delta", pa.float64()),
    ("confirmed_sem", pa.float64()),
    ("tuning_remark", pa.string()),
)

Row = dict[str, Any]


def tuning_columns(instance: Instance) -> Row:
    """A model's cells of `TUNING_SCHEMA`."""
    own = {"hyperparameters": json.dumps(instance.hyperparameters)}
    tuning = instance.tuning
    if tuning is None:
        return {**dict.fromkeys(name for name, _ in TUNING_SCHEMA), **own}
    return {
        **own,
        "tuning": tuning.choice,
        "tuning_default": json.dumps(tuning.default),
        "tuning_evaluations": tuning.evaluations,
        "tuning_failures": tuning.failures,
        "validation_delta": tuning.delta,
        "validation_sem": tuning.sem,
        "confirmed_delta": tuning.confirmed_delta,
        "confirmed_sem": tuning.confirmed_sem,
        "tuning_remark": tuning.remark,
    }


def summarise_tuning(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Which models chose what, from rows of `models.parquet`; None where none was tuned.

    `gain` is the median Δ, on the rows that confirmed them, of the values that models chose: as
    only gains are confirmed, it flatters them a little. A hyperparameter's `least`, `median` and
    `most` are of numbers, `values` are (value, models) of anything else; `set` counts the models
    whose own value the fleet names, which none of the others do.
    """
    tuned = [row for row in rows if row["tuning"] is not None]
    if not tuned:
        return None
    chosen = [row for row in tuned if row["tuning"] == "chosen"]
    return {
        "models": len(tuned),
        **{name: sum(row["tuning"] == name for row in tuned) for name in ("chosen", "kept")},
        "failed": [
            {"model": row["model"], "remark": row["tuning_remark"]}
            for row in tuned
            if row["tuning"] == "failed"
        ],
        "evaluations": sum(row["tuning_evaluations"] for row in tuned),
        "failures": sum(row["tuning_failures"] for row in tuned),
        "gain": median(row["confirmed_delta"] for row in chosen) if chosen else None,
        "hyperparameters": _hyperparameters(rows, tuned),
    }


def _hyperparameters(rows: Sequence[Row], tuned: Sequence[Row]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for row in tuned:
        defaults |= json.loads(row["tuning_default"])
    found = {}
    for place, default in defaults.items():
        searched = [row for row in tuned if place in json.loads(row["tuning_default"])]
        chosen = [row for row in searched if row["tuning"] == "chosen"]
        has_it = sum(place in json.loads(row["hyperparameters"]) for row in rows)
        values = [json.loads(row["hyperparameters"])[place] for row in chosen]
        found[place] = {
            "default": default,
            "searched": len(searched),
            "chosen": len(chosen),
            "set": has_it - len(searched),
            **_spread(values),
        }
    return found


def _spread(values: Sequence[Any]) -> dict[str, Any]:
    if values and not any(isinstance(value, bool | str) for value in values):
        return {"least": min(values), "median": median(values), "most": max(values)}
    return {"values": [list(each) for each in Counter(values).most_common()]}
