"""What instantiating a fleet leaves in its folder: one table, and the figures of the fleet."""

import json
from collections.abc import Sequence
from statistics import fmean, quantiles
from typing import Any

import pyarrow as pa

from smt.fleet import Fleet, ModelSpec
from smt.fleet.attributes import attributes
from smt.model_iteration.instance import Instance
from smt.model_iteration.instantiate import LaunchSettings, model_folder
from smt.model_iteration.tuning_table import TUNING_SCHEMA, summarise_tuning, tuning_columns
from smt.report.pages.launch import MODELS, OUTCOMES, RESULT
from smt.search.regressed import regressed
from smt.storage import Folder

ATTRIBUTES = ("stage", "inference_hardware", "event", "surface", "data_constraint")
# Two-sided, 95%.
CRITICAL = 1.96

Result = dict[str, Any]
Row = dict[str, Any]


def save_instances(
    instances: Sequence[Instance],
    fleet: Fleet,
    template: str,
    baseline: str | None,
    settings: LaunchSettings,
    folder: Folder,
) -> Result:
    """Write `models.parquet`, a row a model, and `result.json`, which holds no times.

    Args:
        instances: One a model, in the fleet's order.
        template, baseline: What a person calls them; None compares with nothing.

    Returns:
        The content of `result.json`.
    """
    rows = [_row(*each) for each in zip(fleet.models, instances, strict=True)]
    result = summarise_instances(rows, settings.alpha)
    result = {
        "fleet": fleet.name,
        "template": template,
        "baseline": baseline,
        "settings": settings.to_dict(),
        **result,
    }
    folder.write_table(MODELS, pa.Table.from_pylist(rows, schema=SCHEMA))
    folder.write(RESULT, json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise_instances(rows: Sequence[Row], alpha: float) -> Result:
    """The fleet's figures, from rows of `models.parquet`.

    `delta` is over the models that were compared; `better` and `worse` are those whose 95%
    interval excludes 0, `regressed` those below -alpha. FLOPs are means an example by traffic,
    bytes are sums, both over the models of which both costs are known.
    """
    return {
        "models": len(rows),
        "outcomes": _outcomes(rows),
        "delta": _deltas(rows, alpha),
        "shipped_delta": _deltas([row for row in rows if row["outcome"] == "ships"], alpha),
        "cost": _cost(rows),
        "tuning": summarise_tuning(rows),
        "attributes": {
            name: {
                value: _group([row for row in rows if row[name] == value])
                for value in dict.fromkeys(row[name] for row in rows)
            }
            for name in ATTRIBUTES
        },
        "not_shipped": [
            {key: row[key] for key in ("model", "outcome", "reasons", "delta", "sem")}
            for row in rows
            if row["outcome"] != "ships"
        ],
    }


def _outcomes(rows: Sequence[Row]) -> dict[str, int]:
    return {each: sum(row["outcome"] == each for row in rows) for each in OUTCOMES}


def _group(rows: Sequence[Row]) -> Result:
    known = [row["delta"] for row in rows if row["delta"] is not None]
    return {"models": len(rows), **_outcomes(rows), "mean_delta": fmean(known) if known else None}


def _deltas(rows: Sequence[Row], alpha: float) -> Result | None:
    """None where no model was compared."""
    known = [row for row in rows if row["delta"] is not None]
    if not known:
        return None
    deltas = [row["delta"] for row in known]
    weights = [row["weight"] for row in known]
    # statistics.quantiles wants two values.
    quartiles = quantiles(deltas * 2 if len(deltas) == 1 else deltas, n=4, method="inclusive")
    return {
        "models": len(known),
        "mean": fmean(deltas),
        "mean_by_traffic": fmean(deltas, weights) if any(weights) else None,
        "min": min(deltas),
        "quartiles": quartiles,
        "max": max(deltas),
        "better": sum(row["delta"] > CRITICAL * row["sem"] for row in known),
        "worse": sum(row["delta"] < -CRITICAL * row["sem"] for row in known),
        "regressed": sum(regressed(delta, alpha) for delta in deltas),
    }


def _cost(rows: Sequence[Row]) -> Result | None:
    """None where no two costs can be compared."""
    known = [row for row in rows if None not in (row["flops"], row["baseline_flops"])]
    weights = [row["weight"] for row in known]
    if not any(weights):
        return None
    return {
        "models": len(known),
        "flops": _change(*(fmean([r[k] for r in known], weights) for k in _pair("flops"))),
        "bytes": _change(*(sum(r[k] for r in known) for k in _pair("bytes"))),
    }


def _pair(name: str) -> tuple[str, str]:
    return f"baseline_{name}", name


def _change(before: float, after: float) -> dict[str, float]:
    return {"before": before, "after": after, "saved_percent": 100 * (1 - after / before)}


def _row(model: ModelSpec, instance: Instance) -> Row:
    cost, before = instance.cost, instance.baseline_cost
    costs = {
        name: None if each is None else getattr(each, key)
        for prefix, each in (("", cost), ("baseline_", before))
        for key in ("flops", "bytes", "latency_ms")
        for name in (f"{prefix}{key}",)
    }
    described = attributes(model)
    del described["inference_flops"]
    return {
        "model": model.name,
        **described,
        "weight": model.weight,
        "outcome": instance.outcome,
        "reasons": list(instance.reasons),
        **{
            key: getattr(instance, key)
            for key in ("ne", "baseline_ne", "constant_ne", "delta", "sem")
        },
        **costs,
        **tuning_columns(instance),
        "train_rows": instance.train_rows,
        "test_rows": instance.test_rows,
        "seconds": instance.seconds,
        "workers": instance.workers,
        "device_hours": instance.device_hours,
        "folder": model_folder(model.name),
    }


_TEXT = ("model", "stage", "inference_hardware", "event", "surface", "data_constraint")
_NUMBERS = ("ne", "baseline_ne", "constant_ne", "delta", "sem")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXT),
        ("weight", pa.float64()),
        ("outcome", pa.string()),
        ("reasons", pa.list_(pa.string())),
        *((name, pa.float64()) for name in _NUMBERS),
        *(
            (f"{prefix}{name}", kind)
            for prefix in ("", "baseline_")
            for name, kind in (
                ("flops", pa.int64()),
                ("bytes", pa.int64()),
                ("latency_ms", pa.float64()),
            )
        ),
        *TUNING_SCHEMA,
        ("train_rows", pa.int64()),
        ("test_rows", pa.int64()),
        ("seconds", pa.float64()),
        ("workers", pa.int64()),
        ("device_hours", pa.float64()),
        ("folder", pa.string()),
    ]
)
