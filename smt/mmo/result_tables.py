"""The Parquet tables that a generalization leaves in its folder."""

import json
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation
from smt.fleet import ModelSpec
from smt.mmo.generalize import Generalization


def trial_table(result: dict[str, Any]) -> pa.Table:
    """A row a trial, from the content of `result.json`."""
    rows = []
    for technique in result["techniques"]:
        for trial in technique["trials"]:
            row = {key: value for key, value in trial.items() if key not in ("theta", "deltas")}
            theta = json.dumps(trial["theta"])
            rows.append({"technique": technique["name"], **row, "theta": theta})
    return pa.Table.from_pylist(rows)


def evaluation_table(evaluations: list[Evaluation]) -> pa.Table:
    """A row an evaluation."""
    rows = []
    for evaluation in evaluations:
        row = evaluation.to_dict()
        row["theta"] = json.dumps(row["theta"])
        row["metrics"] = [{"event": event, **each} for event, each in row["metrics"].items()]
        rows.append(row)
    return pa.Table.from_pylist(rows)


def fleet_table(found: Generalization) -> pa.Table:
    """A row a model of the fleet: attributes, cluster, coordinates, and what it stands for."""
    chosen = found.representatives
    names = {model.name for model in chosen.models}
    others = {model.name for model in found.holdout}
    rows = [
        {
            **_attributes(model),
            "cluster": int(cluster),
            "x": float(x),
            "y": float(y),
            "representative": model.name in names,
            "holdout": model.name in others,
        }
        for model, cluster, (x, y) in zip(
            found.fleet.models, chosen.clusters, chosen.coordinates, strict=True
        )
    ]
    return pa.Table.from_pylist(rows)


def _attributes(model: ModelSpec) -> dict[str, Any]:
    return {
        "model": model.name,
        "stage": model.stage,
        "inference_flops": model.inference_flops,
        "inference_hardware": model.inference_hardware,
        "event": model.events[0],
        "surface": model.surface,
        "data_constraint": model.data_constraint,
        "weight": model.weight,
    }
