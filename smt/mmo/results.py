"""What a generalization leaves in its folder: `result.json` and Parquet tables."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation
from smt.execution.ledger import Ledger
from smt.execution.storage import Folder
from smt.fleet import ModelSpec
from smt.mmo.aggregate import mean_sem, normalise_weights, regressed
from smt.mmo.ax_experiment import experiment_json
from smt.mmo.encoding import Encoding
from smt.mmo.generalize import Generalization, TechniqueResult
from smt.mmo.trial import Trial


def save(found: Generalization, folder: Folder) -> dict[str, Any]:
    """Write everything that a run decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files. Tables:
    `evaluations.parquet` (the ledger, baselines included), `trials.parquet`,
    `fleet.parquet` (all models: attributes, cluster, coordinates). `ax/TECHNIQUE.json` holds the
    search as an Ax experiment; `ax.api.client.Client.load_from_json_file` opens it.

    Returns:
        The content of `result.json`.
    """
    result = summarise(found)
    evaluations = [*found.baselines.values(), *Ledger(folder, folder).evaluations()]
    folder.write_table("evaluations.parquet", _evaluations(evaluations))
    folder.write_table("trials.parquet", pa.Table.from_pylist(_trials(result)))
    folder.write_table("fleet.parquet", pa.Table.from_pylist(_fleet(found)))
    for name, content in _experiments(found):
        folder.write(f"ax/{name}.json", content)
    folder.write("result.json", json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise(found: Generalization) -> dict[str, Any]:
    """The content of `result.json`: plain data, None for what is not a finite number."""
    models = found.representatives.models
    shares = normalise_weights([model.weight for model in models], len(models))
    return {
        "fleet": found.fleet.name,
        "template": found.template.to_dict(),
        "settings": found.settings.to_dict(),
        "inertias": {str(k): value for k, value in found.representatives.inertias.items()},
        "representatives": [
            {
                "model": model.name,
                "weight": share,
                "ne": found.baselines[model.name].ne,
                "flops": found.baselines[model.name].flops,
                "train_rows": found.baselines[model.name].train_rows,
                "test_rows": found.baselines[model.name].test_rows,
            }
            for model, share in zip(models, shares, strict=True)
        ],
        "techniques": [_technique(each, found, shares) for each in found.results],
        "generalized": found.generalized,
    }


def _experiments(found: Generalization) -> Iterator[tuple[str, bytes]]:
    """Technique -> its search in Ax's form, of those with something to search."""
    models = found.representatives.models
    goal = found.settings.goal(models)
    for result in found.results:
        encoding = Encoding(result.technique.space)
        if encoding.columns:
            names = [model.name for model in models]
            yield result.technique.name, experiment_json(encoding, result.trials, goal, names)


def _technique(
    result: TechniqueResult, found: Generalization, shares: list[float]
) -> dict[str, Any]:
    numbered = list(enumerate(result.trials))
    shown = next(
        (pair for pair in numbered if pair[1] is result.best), _nearest_to_feasible(numbered)
    )
    return {
        "name": result.technique.name,
        "source": result.technique.source,
        "generalizes": result.generalizes,
        "feasible": result.best is not None,
        "stopped": result.stopped,
        "paper": None if result.paper is None else _number(result.paper, numbered),
        "estimate": None if result.estimate is None else asdict(result.estimate),
        "shown": _trial(*shown, found, shares),
        "trials": [_trial(number, trial, found, shares) for number, trial in numbered],
    }


def _number(trial: Trial, numbered: list[tuple[int, Trial]]) -> int:
    return next(number for number, each in numbered if each is trial)


def _nearest_to_feasible(numbered: list[tuple[int, Trial]]) -> tuple[int, Trial]:
    """What to show of a technique without a feasible θ: the least R, then the largest μ."""

    def badness(pair: tuple[int, Trial]) -> tuple[float, float]:
        mean = pair[1].aggregate.mean
        return pair[1].aggregate.regression_rate, math.inf if math.isnan(mean) else -mean

    return min(numbered, key=badness)


def _trial(number: int, trial: Trial, found: Generalization, shares: list[float]) -> dict[str, Any]:
    alpha = found.settings.alpha
    names = [model.name for model in found.representatives.models]
    regressions = sum(regressed(delta, alpha) for delta in trial.deltas)
    helped = sum(delta is not None and delta > alpha for delta in trial.deltas)
    evaluated = sum(delta is not None for delta in trial.deltas)
    return {
        "number": number,
        "theta": trial.theta,
        "value": _finite(trial.aggregate.value),
        "mean": _finite(trial.aggregate.mean),
        "mean_sem": _finite(mean_sem(trial.sems, shares)),
        "regression_rate": trial.aggregate.regression_rate,
        "helped": helped,
        "neutral": evaluated - helped - regressions,
        "regressed": regressions,
        "skipped": len(names) - evaluated,
        "deltas": dict(zip(names, map(_finite, trial.deltas), strict=True)),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _trials(result: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for technique in result["techniques"]:
        for trial in technique["trials"]:
            row = {key: value for key, value in trial.items() if key not in ("theta", "deltas")}
            theta = json.dumps(trial["theta"])
            rows.append({"technique": technique["name"], **row, "theta": theta})
    return rows


def _evaluations(evaluations: list[Evaluation]) -> pa.Table:
    rows = []
    for evaluation in evaluations:
        row = evaluation.to_dict()
        row["theta"] = json.dumps(row["theta"])
        row["metrics"] = [{"event": event, **each} for event, each in row["metrics"].items()]
        rows.append(row)
    return pa.Table.from_pylist(rows)


def _fleet(found: Generalization) -> list[dict[str, Any]]:
    chosen = found.representatives
    names = {model.name for model in chosen.models}
    return [
        {
            **_attributes(model),
            "cluster": int(cluster),
            "x": float(x),
            "y": float(y),
            "representative": model.name in names,
        }
        for model, cluster, (x, y) in zip(
            found.fleet.models, chosen.clusters, chosen.coordinates, strict=True
        )
    ]


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
