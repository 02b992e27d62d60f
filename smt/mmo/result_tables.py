"""The Parquet tables that a generalization leaves in its folder."""

import json
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation


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
