"""What an integration leaves in its folder: `result.json` and a Parquet table."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation
from smt.mmo import Settings, aggregate
from smt.search.aggregate import mean_sem, normalise_weights
from smt.search.regressed import regressed
from smt.storage import Folder
from smt.template import diff
from smt.template.show import words
from smt.template.versions import Version
from smt.template_iteration.comparison import ModelComparison
from smt.template_iteration.integrate import Integration
from smt.template_iteration.outcome import LeftOut, Outcome


def save(change: Integration, version: Version, outcome: Outcome, folder: Folder) -> dict[str, Any]:
    """Write what was decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files.
    `evaluations.parquet`, where anything was trained, has a row for every model, seed and
    version, and `without` names the technique that the version lacked there.

    Args:
        version: As it is written where it is kept.

    Returns:
        The content of `result.json`.
    """
    result = summarise(change, version, outcome)
    if outcome.found is not None:
        folder.write_table("evaluations.parquet", _evaluations(version, outcome))
    folder.write("result.json", json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise(change: Integration, version: Version, outcome: Outcome) -> dict[str, Any]:
    """The content of `result.json`: plain data, None for what is not a finite number."""
    representatives = set(change.run.representatives)
    found = outcome.found
    models = () if found is None else found.models
    groups = {
        "all": models,
        "representatives": [each for each in models if each.model.name in representatives],
        "holdout": [each for each in models if each.model.name not in representatives],
    }
    settings = outcome.settings
    return {
        "fleet": change.run.fleet,
        "template": version.name,
        "parent": version.parent,
        "number": version.number,
        "techniques": [each.to_dict() for each in version.techniques],
        "exposures": [each.to_dict() for each in change.exposures],
        "changes": [
            {"place": each.place, "before": words(each.before), "after": words(each.after)}
            for each in diff(change.parent.template, version.template)
        ],
        "settings": {name: getattr(settings, name) for name in ("alpha", "epsilon", "tau")},
        "seeds": list(outcome.seeds),
        "decision": "kept" if outcome.kept else "not kept",
        "reason": reason(outcome),
        "misfits": [each.to_dict() for each in outcome.misfits],
        "blame_reason": None if outcome.blame is None else outcome.blame.reason,
        "blame": _blame(outcome),
        "groups": {name: _group(group, settings) for name, group in groups.items() if group},
        "models": [_model(each, each.model.name in representatives, models) for each in models],
        "version": {name: value for name, value in version.to_dict().items() if name != "written"},
    }


def reason(outcome: Outcome) -> str:
    """Why the version is kept, or not, in one sentence."""
    found = outcome.found
    if found is None:
        first, count = outcome.misfits[0], len({each.model for each in outcome.misfits})
        models = (
            f"model '{first.model}'" if count == 1 else f"{count} models, such as '{first.model}'"
        )
        return f"it cannot serve {models}: {first.reason}"
    settings, aggregated = found.settings, found.aggregate
    failed = [each.model.name for each in found.models if each.failure is not None]
    if failed:
        return f"models fail under it: {', '.join(failed)}"
    if not aggregated.feasible:
        worse = [e.model.name for e in found.models if regressed(e.delta, settings.alpha)]
        return (
            f"R = {aggregated.regression_rate:.3f} is above {settings.epsilon:g}; models that fall "
            f"by over {settings.alpha:g}%: {', '.join(worse)}"
        )
    verdict = "reaches" if found.kept else "is below"
    return f"A = {aggregated.value:+.3f}% {verdict} {settings.tau:g}%"


def _blame(outcome: Outcome) -> list[dict[str, Any]]:
    """A row a technique that was left out, with what the version was worth without it."""
    blamed = () if outcome.blame is None else outcome.blame.techniques
    return [_left_out(each, each.technique in blamed) for each in outcome.left_out]


def _left_out(each: LeftOut, blamed: bool) -> dict[str, Any]:
    found = each.found
    group = None if found is None else _group(found.models, found.settings)
    deltas = () if found is None else found.models
    return {
        "technique": each.technique,
        "blamed": blamed,
        "kept": None if found is None else found.kept,
        **{
            name: None if group is None else group[name]
            for name in ("value", "mean", "mean_sem", "regression_rate")
        },
        "deltas": {compared.model.name: _finite(compared.delta) for compared in deltas},
        "misfits": [misfit.to_dict() for misfit in each.misfits],
        "failure": each.failure,
    }


def _group(models: Sequence[ModelComparison], settings: Settings) -> dict[str, Any] | None:
    """μ, R and A of some models; None where none of them has traffic."""
    weights = [each.model.weight for each in models]
    if not any(weights):
        return None
    alpha = settings.alpha
    deltas = [each.delta for each in models]
    outcome = aggregate(deltas, weights, alpha=alpha, epsilon=settings.epsilon)
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


def _model(
    compared: ModelComparison, representative: bool, models: Sequence[ModelComparison]
) -> dict[str, Any]:
    weights = [each.model.weight for each in models]
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


def _evaluations(version: Version, outcome: Outcome) -> pa.Table:
    tried = [(None, outcome.found), *((each.technique, each.found) for each in outcome.left_out)]
    rows, without = [], []
    for technique, found in tried:
        for compared in () if found is None else found.models:
            # All are compared with the same evaluations of the parent.
            before = compared.before if technique is None else ()
            rows += [_row(each, version.parent) for each in before]
            rows += [_row(each, version.number) for each in compared.after]
            without += [technique] * (len(before) + len(compared.after))
    return pa.Table.from_pylist(rows).append_column("without", pa.array(without, pa.string()))


def _row(evaluation: Evaluation, number: int | None) -> dict[str, Any]:
    row = evaluation.to_dict()
    row["metrics"] = [{"event": event, **each} for event, each in row["metrics"].items()]
    # A back-test searches nothing.
    for name in ("technique", "trial", "theta"):
        del row[name]
    return {"version": number, **row}
