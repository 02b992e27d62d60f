"""What instantiating a fleet leaves in its folder: one table, and the figures of the fleet."""

from collections.abc import Callable, Sequence
from statistics import fmean, quantiles
from typing import Any

import pyarrow as pa

from smt.fleet import Fleet, ModelSpec
from smt.fleet.attributes import attributes
from smt.model_iteration.instance import Instance
from smt.model_iteration.instantiate import model_folder
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
    ships = [(model, instance) for model, instance in launched if instance.outcome == "ships"]
    result = LaunchResult(
        fleet=fleet.name,
        templates=_compared(launch),
        settings=settings,
        models=len(launched),
        outcomes=_outcomes(launched),
        delta=_deltas(launched, settings.alpha),
        shipped_delta=_deltas(ships, settings.alpha),
        cost=_cost(launched),
        tuning=summarise_tuning(instances),
        attributes={
            "template": _groups(launched, lambda model: launch.of[model.name].name),
            **{name: _groups(launched, _attribute(name)) for name in ATTRIBUTES},
        },
        not_shipped=tuple(
            HeldModel(**{name: getattr(instance, name) for name in HeldModel.model_fields})
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
    known = [instance.delta.value for _, instance in launched if instance.delta.value is not None]
    mean = fmean(known) if known else None
    return AttributeGroup(models=len(launched), **_outcomes(launched), mean_delta=mean)


def _deltas(launched: Sequence[Launched], alpha: float) -> DeltaSummary | None:
    """Over the models that were compared; None where none was."""
    known = [
        (model.weight, instance.delta.value, instance.delta.sem)
        for model, instance in launched
        if instance.delta.value is not None
    ]
    if not known:
        return None
    weights, deltas, _ = zip(*known, strict=True)
    # statistics.quantiles wants two values.
    quartiles = quantiles(deltas * 2 if len(deltas) == 1 else deltas, n=4, method="inclusive")
    return DeltaSummary(
        models=len(known),
        mean=fmean(deltas),
        mean_by_traffic=fmean(deltas, weights) if any(weights) else None,
        min=min(deltas),
        quartiles=tuple(quartiles),
        max=max(deltas),
        better=sum(sem is not None and delta > CRITICAL * sem for _, delta, sem in known),
        worse=sum(sem is not None and delta < -CRITICAL * sem for _, delta, sem in known),
        regressed=sum(regressed(delta, alpha) for delta in deltas),
    )


def _cost(launched: Sequence[Launched]) -> CostSummary | None:
    """Over the models of which both costs are known; None where no two can be compared."""
    known = [
        (model.weight, instance.baseline_cost, instance.cost)
        for model, instance in launched
        if instance.baseline_cost is not None and instance.cost is not None
    ]
    weights = [weight for weight, _, _ in known]
    if not any(weights):
        return None

    def change(
        amount: Callable[[ServingCost], int], summed: Callable[[list[int]], int | float]
    ) -> CostChange:
        before = summed([amount(cost) for _, cost, _ in known])
        after = summed([amount(cost) for _, _, cost in known])
        return CostChange(before=before, after=after, saved_percent=100 * (1 - after / before))

    return CostSummary(
        models=len(known),
        flops=change(lambda cost: cost.flops, lambda amounts: fmean(amounts, weights)),
        bytes=change(lambda cost: cost.bytes, sum),
    )


def _row(model: ModelSpec, launch: Launch, instance: Instance) -> dict[str, Any]:
    """Of `SCHEMA`, which leaves out what it does not name."""
    return {
        "template": launch.name,
        "baseline": launch.baseline_name,
        **attributes(model),
        "weight": model.weight,
        **dict(instance),
        "delta": instance.delta.value,
        "sem": instance.delta.sem,
        "delta_status": instance.delta.status,
        "delta_reason": instance.delta.reason,
        **_cost_columns("", instance.cost),
        **_cost_columns("baseline_", instance.baseline_cost),
        **tuning_columns(instance),
        "device_hours": instance.device_hours,
        "folder": model_folder(model.name),
    }


def _cost_columns(prefix: str, cost: ServingCost | None) -> dict[str, int | float]:
    if cost is None:
        return {}
    return {f"{prefix}{name}": getattr(cost, name) for name in ("flops", "bytes", "latency_ms")}
