"""What an integration leaves in its folder: `result.json` and a Parquet table."""

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from smt.execution.evaluation import Evaluation
from smt.mmo.verdict.confirmation import theta_record
from smt.mmo.verdict.saving import explain_saving
from smt.results.folder import write_result
from smt.results.integration import (
    BackTestedModel,
    IntegrationResult,
    ModelGroup,
    PlaceChange,
    Thresholds,
    UndatedVersion,
    WithoutTechnique,
    unserved_models,
)
from smt.search.settings import Settings
from smt.storage import Folder
from smt.template import diff
from smt.template.show import words
from smt.template.versions import Version
from smt.template_iteration.comparison import Comparison, ModelComparison
from smt.template_iteration.decision import LeftOut, VersionDecision
from smt.template_iteration.integrate import Integration


def save(
    change: Integration, version: Version, decision: VersionDecision, folder: Folder
) -> IntegrationResult:
    """Write what was decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files.
    `evaluations.parquet`, where anything was trained, has a row for every model, seed and
    version, and `without` names the technique that the version lacked there.

    Args:
        version: As it is written where it is kept.
    """
    representatives = set(change.run.representative_names)
    models = () if decision.comparison is None else decision.comparison.models
    groups = {
        "all": models,
        "representatives": [model for model in models if model.name in representatives],
        "holdout": [model for model in models if model.name not in representatives],
    }
    settings, blame = decision.settings, decision.blame
    blamed = () if blame is None else blame.techniques
    result = IntegrationResult(
        fleet=change.run.fleet,
        template=version.name,
        parent=version.parent,
        number=version.number,
        techniques=version.techniques,
        exposures=change.exposures,
        changes=tuple(
            PlaceChange(place=place.place, before=words(place.before), after=words(place.after))
            for place in diff(change.parent.template, version.template)
        ),
        settings=Thresholds(**{name: getattr(settings, name) for name in Thresholds.model_fields}),
        kinds=change.kinds,
        seeds=decision.seeds,
        decision="kept" if decision.kept else "not kept",
        reason=reason(decision),
        misfits=decision.misfits,
        growth=decision.growth,
        blame_reason=None if blame is None else blame.reason,
        blame=tuple(_without(left, left.technique in blamed) for left in decision.left_out),
        groups={
            name: _group(Comparison(tuple(group), decision.seeds, settings))
            for name, group in groups.items()
            if group
        },
        models=tuple(
            _model(model, model.name in representatives, share)
            for model, share in zip(models, _shares(models, settings), strict=True)
        ),
        version=UndatedVersion.model_validate(version.model_dump(exclude={"written"})),
    )
    if decision.comparison is not None:
        folder.write_table("evaluations.parquet", _evaluations(version, decision))
    write_result(folder, result)
    return result


def reason(decision: VersionDecision) -> str:
    """Why the version is kept, or not, in one sentence."""
    comparison = decision.comparison
    if decision.only_exposes and decision.kept:
        return "its networks are its parent's until a model sets what it exposes"
    if decision.misfits or comparison is None:
        first, count = decision.misfits[0], len(unserved_models(decision.misfits))
        if first.model is None:
            return f"serving the fleet would cost too much: {first.reason}"
        models = (
            f"model '{first.model}'" if count == 1 else f"{count} models, such as '{first.model}'"
        )
        return f"it cannot serve {models}: {first.reason}"
    settings, aggregated = comparison.settings, comparison.aggregate
    failed = [model.name for model in comparison.models if model.delta.status == "failed"]
    if failed:
        return f"models fail under it: {', '.join(failed)}"
    if not aggregated.feasible:
        worse = [model.name for model in comparison.models if model.delta.regressed(settings.alpha)]
        return (
            f"R = {aggregated.regression_rate:.3f} is above {settings.epsilon:g}; models that fall "
            f"by over {settings.alpha:g}%: {', '.join(worse)}"
        )
    reaches = aggregated.value >= settings.tau
    if comparison.only_savers and comparison.savings is not None and not reaches:
        saved, lower, chance = comparison.savings, comparison.lower, comparison.feasible_probability
        if not saved.reach(settings.saving):
            return f"it saves {saved}, and {settings.saving:.0%} is asked, at no more of the other"
        return explain_saving(saved, lower, chance, comparison.goal)
    verdict = "reaches" if reaches else "is below"
    return f"A = {aggregated.value:+.3f}% {verdict} {settings.tau:g}%"


def _without(left: LeftOut, blamed: bool) -> WithoutTechnique:
    """What the version was worth without a technique."""
    known = WithoutTechnique(
        technique=left.technique, blamed=blamed, misfits=left.misfits, failure=left.failure
    )
    comparison = left.comparison
    if comparison is None:
        return known
    group = _group(comparison)
    numbers = {} if group is None else group.model_dump(include=_GROUP_NUMBERS)
    deltas = {model.name: model.delta for model in comparison.models}
    return known.model_copy(update={"kept": comparison.kept, **numbers, "deltas": deltas})


_GROUP_NUMBERS = {"value", "mean", "mean_sem", "regression_rate"}


def _group(group: Comparison) -> ModelGroup | None:
    """μ, R and A of some models; None where none of them has traffic."""
    models = [compared.model for compared in group.models]
    if not any(group.settings.weights_of(models)):
        return None
    names = [model.name for model in models]
    record = theta_record(group.trial, names, group.goal)
    numbers = record.model_dump(include={*ModelGroup.model_fields})
    return ModelGroup(models=len(models), savings=group.savings, **numbers)


def _shares(models: Sequence[ModelComparison], settings: Settings) -> tuple[float, ...]:
    return settings.goal([compared.model for compared in models]).shares if models else ()


def _model(compared: ModelComparison, representative: bool, share: float) -> BackTestedModel:
    return BackTestedModel(
        model=compared.name,
        representative=representative,
        weight=share,
        delta=compared.delta,
        by_seed=compared.deltas,
        ne_before=_mean([evaluation.ne for evaluation in compared.before]),
        ne_after=_mean([evaluation.ne for evaluation in compared.after]),
        flops_before=compared.before[0].flops,
        flops_after=compared.after[0].flops,
        bytes_before=compared.before[0].bytes,
        bytes_after=compared.after[0].bytes,
        judged_rows=compared.before[0].judged_rows,
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _evaluations(version: Version, decision: VersionDecision) -> pa.Table:
    compared: list[tuple[str | None, Comparison | None]] = [(None, decision.comparison)]
    compared += [(left.technique, left.comparison) for left in decision.left_out]
    rows, without = [], []
    for technique, comparison in compared:
        for model in () if comparison is None else comparison.models:
            # All are compared with the same evaluations of the parent.
            before = model.before if technique is None else ()
            rows += [_row(evaluation, version.parent) for evaluation in before]
            rows += [_row(evaluation, version.number) for evaluation in model.after]
            without += [technique] * (len(before) + len(model.after))
    return pa.Table.from_pylist(rows).append_column("without", pa.array(without, pa.string()))


def _row(evaluation: Evaluation, number: int | None) -> dict[str, Any]:
    # A back-test searches nothing.
    searched = ("technique", "trial", "theta")
    row = {name: value for name, value in evaluation.to_row().items() if name not in searched}
    return {"version": number, **row}
