"""What an integration leaves in its folder: `result.json` and a Parquet table."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation
from smt.execution.storage import Folder
from smt.iteration.comparison import Comparison, ModelComparison
from smt.iteration.finished_run import FinishedRun
from smt.mmo import aggregate
from smt.mmo.aggregate import mean_sem, normalise_weights, regressed
from smt.template import Template, diff
from smt.template.show import words
from smt.template.versions import Version


def save(
    run: FinishedRun, version: Version, parent: Template, found: Comparison, folder: Folder
) -> dict[str, Any]:
    """Write what was decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files.
    `evaluations.parquet` has a row for every model, seed and version.

    Returns:
        The content of `result.json`.
    """
    result = summarise(run, version, parent, found)
    folder.write_table("evaluations.parquet", _evaluations(version, found))
    folder.write("result.json", json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise(
    run: FinishedRun, version: Version, parent: Template, found: Comparison
) -> dict[str, Any]:
    """The content of `result.json`: plain data, None for what is not a finite number."""
    representatives = set(run.representatives)
    groups = {
        "all": found.models,
        "representatives": [e for e in found.models if e.model.name in representatives],
        "holdout": [e for e in found.models if e.model.name not in representatives],
    }
    return {
        "fleet": run.fleet,
        "template": version.name,
        "parent": version.parent,
        "number": version.number,
        "techniques": [each.to_dict() for each in version.techniques],
        "changes": [
            {"place": each.place, "before": words(each.before), "after": words(each.after)}
            for each in diff(parent, version.template)
        ],
        "settings": {name: getattr(found.settings, name) for name in ("alpha", "epsilon", "tau")},
        "seeds": list(found.seeds),
        "decision": "kept" if found.kept else "not kept",
        "reason": reason(found),
        "groups": {name: _group(models, found) for name, models in groups.items() if models},
        "models": [
            _model(each, each.model.name in representatives, found) for each in found.models
        ],
        "version": {name: value for name, value in version.to_dict().items() if name != "written"},
    }


def reason(found: Comparison) -> str:
    """Why the version is kept, or not, in one sentence."""
    settings, outcome = found.settings, found.aggregate
    failed = [each.model.name for each in found.models if each.failure is not None]
    if failed:
        return f"models fail under it: {', '.join(failed)}"
    if not outcome.feasible:
        worse = [e.model.name for e in found.models if regressed(e.delta, settings.alpha)]
        return (
            f"R = {outcome.regression_rate:.3f} is above {settings.epsilon:g}; models that fall "
            f"by over {settings.alpha:g}%: {', '.join(worse)}"
        )
    verdict = "reaches" if found.kept else "is below"
    return f"A = {outcome.value:+.3f}% {verdict} {settings.tau:g}%"


def _group(models: Sequence[ModelComparison], found: Comparison) -> dict[str, Any] | None:
    """μ, R and A of some models; None where none of them has traffic."""
    weights = [each.model.weight for each in models]
    if not any(weights):
        return None
    alpha = found.settings.alpha
    deltas = [each.delta for each in models]
    outcome = aggregate(deltas, weights, alpha=alpha, epsilon=found.settings.epsilon)
    worse = sum(regressed(delta, alpha) for delta in deltas)
    helped = sum(delta > alpha for delta in deltas)
    shares = normalise_weights(weights, len(weights))
    return {
        "models": len(models),
        "mean": _finite(outcome.mean),
        "mean_sem": mean_sem([each.sem for each in models], shares),
        "regression_rate": outcome.regression_rate,
        "value": _finite(outcome.value),
        "helped": helped,
        "neutral": len(models) - helped - worse,
        "regressed": worse,
    }


def _model(compared: ModelComparison, representative: bool, found: Comparison) -> dict[str, Any]:
    weights = [each.model.weight for each in found.models]
    return {
        "model": compared.model.name,
        "representative": representative,
        "weight": compared.model.weight / math.fsum(weights),
        "delta": _finite(compared.delta),
        "sem": compared.sem,
        "by_seed": [_finite(delta) for delta in compared.deltas],
        "ne_before": _mean([each.ne for each in compared.before]),
        "ne_after": _mean([each.ne for each in compared.after]),
        "flops_before": compared.before[0].flops,
        "flops_after": compared.after[0].flops,
        "test_rows": compared.before[0].test_rows,
        "failure": compared.failure,
    }


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _evaluations(version: Version, found: Comparison) -> pa.Table:
    rows = []
    for compared in found.models:
        rows += [_row(each, version.parent) for each in compared.before]
        rows += [_row(each, version.number) for each in compared.after]
    return pa.Table.from_pylist(rows)


def _row(evaluation: Evaluation, number: int | None) -> dict[str, Any]:
    row = evaluation.to_dict()
    row["metrics"] = [{"event": event, **each} for event, each in row["metrics"].items()]
    # A back-test searches nothing.
    for name in ("technique", "trial", "theta"):
        del row[name]
    return {"version": number, **row}
