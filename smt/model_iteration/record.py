"""What instantiating a fleet leaves in its folder: one table, and the figures of the fleet."""

from collections.abc import Callable, Sequence
from statistics import fmean, quantiles
from typing import Any

import pyarrow as pa

from smt.capacity import Capacity
from smt.fleet import Fleet, ModelSpec, log_name
from smt.fleet.attributes import attributes
from smt.model_iteration.fleet_cost import costed_models, fleet_cost
from smt.model_iteration.fleet_mean import ModelDelta, fleet_mean
from smt.model_iteration.instance import Instance
from smt.model_iteration.model_files import model_folder
from smt.model_iteration.templates import FleetLaunch, Launch
from smt.model_iteration.tuning_table import summarise_tuning, tuning_columns
from smt.results.folder import write_result
from smt.results.launch import (
    DECISIONS,
    AttributeGroup,
    CostChange,
    CostSummary,
    DeltaSummary,
    HeldModel,
    LaunchDecision,
    LaunchResult,
    MeanDelta,
    ShippedSummary,
)
from smt.results.launch_models import MODELS, SCHEMA
from smt.results.launch_settings import LaunchSettings
from smt.search.regressed import regressed
from smt.serving import ServingCost
from smt.storage import Folder

ATTRIBUTES = ("stage", "inference_hardware", "event", "surface", "data_constraint")
# Two-sided, 95%.
CRITICAL = 1.96

# A model of the fleet, and what it came to.
Launched = tuple[ModelSpec, Instance]


def save_instances(
    instances: Sequence[Instance],
    fleet: Fleet,
    launch: FleetLaunch,
    settings: LaunchSettings,
    folder: Folder,
) -> LaunchResult:
    """Write `models.parquet`, a row a model, and `result.json`, which holds no times.

    Args:
        instances: One a model, in the fleet's order.
        launch: What every model was made from.
    """
    launched = list(zip(fleet.models, instances, strict=True))
    result = LaunchResult(
        fleet=fleet.name,
        templates=_compared(launch),
        settings=settings,
        models=len(launched),
        outcomes=_outcomes(launched),
        delta=_deltas(launched, settings.alpha),
        shipped=_shipped(launched),
        cost=_cost(launched, settings.capacity),
        tuning=summarise_tuning([instance.evidence for instance in instances]),
        attributes={
            "template": _groups(launched, lambda model: launch.of[model.name].name),
            **{name: _groups(launched, _attribute(name)) for name in ATTRIBUTES},
        },
        not_shipped=tuple(
            HeldModel(
                model=instance.model,
                outcome=instance.outcome,
                reasons=instance.reasons,
                delta=instance.evidence.delta,
            )
            for instance in instances
            if instance.outcome != "ships"
        ),
    )
    rows = [_row(model, launch.of[model.name], instance) for model, instance in launched]
    folder.write_table(MODELS, pa.Table.from_pylist(rows, schema=SCHEMA))
    write_result(folder, result)
    return result


def _compared(launch: FleetLaunch) -> dict[str, tuple[str, ...]]:
    """Template -> the names of what its models are compared with."""
    names: dict[str, tuple[str, ...]] = {}
    for made in launch.templates:
        before = () if made.baseline_name is None else (made.baseline_name,)
        names[made.name] = (*names.get(made.name, ()), *before)
    return names


def _outcomes(launched: Sequence[Launched]) -> dict[LaunchDecision, int]:
    return {
        decision: sum(instance.outcome == decision for _, instance in launched)
        for decision in DECISIONS
    }


def _groups(
    launched: Sequence[Launched], value_of: Callable[[ModelSpec], str]
) -> dict[str, AttributeGroup]:
    """The models by their value of an attribute, in the order in which values come up."""
    groups: dict[str, list[Launched]] = {}
    for model, instance in launched:
        groups.setdefault(value_of(model), []).append((model, instance))
    return {value: _group(group) for value, group in groups.items()}


def _attribute(name: str) -> Callable[[ModelSpec], str]:
    return lambda model: attributes(model)[name]


def _group(launched: Sequence[Launched]) -> AttributeGroup:
    deltas = [instance.evidence.delta.value for _, instance in launched]
    known = [delta for delta in deltas if delta is not None]
    mean = fmean(known) if known else None
    return AttributeGroup(models=len(launched), **_outcomes(launched), mean_delta=mean)


def _deltas(launched: Sequence[Launched], alpha: float) -> DeltaSummary | None:
    """Over the models that were compared; None where none was."""
    compared = {
        model.name: ModelDelta(
            value=instance.evidence.delta.value,
            sem=instance.evidence.delta.sem,
            log=log_name(model.log),
            bucket_shares=instance.evidence.bucket_shares,
        )
        for model, instance in launched
        if instance.evidence.delta.value is not None
    }
    if not compared:
        return None
    known = list(compared.values())
    weights = [model.weight for model, _ in launched if model.name in compared]
    deltas = [delta.value for delta in known]
    # statistics.quantiles wants two values.
    quartiles = quantiles(deltas * 2 if len(deltas) == 1 else deltas, n=4, method="inclusive")
    return DeltaSummary(
        models=len(known),
        each=_mean(known, None),
        by_traffic=_mean(known, weights) if any(weights) else None,
        min=min(deltas),
        quartiles=tuple(quartiles),
        max=max(deltas),
        better=sum(d.sem is not None and d.value > CRITICAL * d.sem for d in known),
        worse=sum(d.sem is not None and d.value < -CRITICAL * d.sem for d in known),
        regressed=sum(regressed(delta, alpha) for delta in deltas),
    )


def _mean(deltas: Sequence[ModelDelta], weights: Sequence[float] | None) -> MeanDelta:
    found = fleet_mean(deltas, weights)
    return MeanDelta(mean=found.mean, interval=found.interval)


def _shipped(launched: Sequence[Launched]) -> ShippedSummary | None:
    """By what all models of its change say of each; None where none was compared."""
    known = [
        (model.weight, instance.posterior.delta)
        for model, instance in launched
        if instance.outcome == "ships" and instance.posterior is not None
    ]
    if not known:
        return None
    weights, deltas = zip(*known, strict=True)
    return ShippedSummary(
        models=len(known),
        mean=fmean(deltas),
        mean_by_traffic=fmean(deltas, weights) if any(weights) else None,
    )


def _cost(launched: Sequence[Launched], capacity: Capacity) -> CostSummary | None:
    """Over the models of which both costs are known; None where no two can be compared."""
    costed = costed_models((model, instance.evidence) for model, instance in launched)
    if not costed:
        return None
    before = fleet_cost(costed, ())
    everywhere = fleet_cost(costed, {model.name for model in costed})
    ships = {instance.model for _, instance in launched if instance.outcome == "ships"}
    after = fleet_cost(costed, ships)
    budget = before.budget(capacity)

    def change(name: str) -> CostChange:
        return CostChange(
            before=getattr(before, name),
            everywhere=getattr(everywhere, name),
            after=getattr(after, name),
            budget=None if budget is None else getattr(budget, name),
            saved_percent=-getattr(after.growth_from(before), name) + 0.0,
        )

    return CostSummary(models=len(costed), flops=change("flops"), bytes=change("bytes"))


def _row(model: ModelSpec, launch: Launch, instance: Instance) -> dict[str, Any]:
    """Of `SCHEMA`, which leaves out what it does not name."""
    evidence, posterior = instance.evidence, instance.posterior
    return {
        "template": launch.name,
        "baseline": launch.baseline_name,
        **attributes(model),
        "weight": model.weight,
        **dict(evidence),
        "outcome": instance.outcome,
        "reasons": instance.reasons,
        "delta": evidence.delta.value,
        "sem": evidence.delta.sem,
        "delta_status": evidence.delta.status,
        "delta_reason": evidence.delta.reason,
        "posterior_delta": posterior and posterior.delta,
        "posterior_sem": posterior and posterior.sem,
        "regression_chance": posterior and posterior.regression_chance,
        **_cost_columns("", evidence.cost),
        **_cost_columns("baseline_", evidence.baseline_cost),
        **tuning_columns(evidence),
        "device_hours": evidence.device_hours,
        "folder": model_folder(model.name),
    }


def _cost_columns(prefix: str, cost: ServingCost | None) -> dict[str, int | float]:
    if cost is None:
        return {}
    return {f"{prefix}{name}": getattr(cost, name) for name in ("flops", "bytes", "latency_ms")}
