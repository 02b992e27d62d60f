"""A first fleet for its logs: models for all combinations that have enough positives."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from smt.errors import InputError
from smt.fleet.fleet_file import (
    DraftPlan,
    DraftRule,
    FleetFile,
    FleetFrame,
    ModelEntry,
    fleet_text,
)
from smt.fleet.logs import log_name, log_schema, open_counted
from smt.fleet.row_counts import RowCounts

MOST_TRAFFIC = 100.0


def draft_models(frame: FleetFrame) -> FleetFile:
    """A frame with models, as its plan says.

    A combination of a rule's events, a surface, a stage and a data constraint becomes a model where
    all of the events happen often enough in its test window, and (of 0 and 1) fail to
    happen as often.

    Raises:
        InputError: None is; or the frame or its plan name what the logs lack.
    """
    plan = frame.draft or DraftPlan()
    content = {name: value for name, value in frame if name in FleetFrame.model_fields}
    entries = _candidates(frame, plan)
    candidates = FleetFile(**content, models=entries).resolve(f"fleet '{frame.name}'")
    _, counts = open_counted(candidates.models)
    kept = [
        place
        for place, model in enumerate(candidates.models)
        if _least(counts[model.name], model.events) >= plan.min_positives
    ]
    if not kept:
        raise InputError(
            f"fleet '{frame.name}': none of {len(entries)} combinations has {plan.min_positives} "
            "positives and negatives of its events in the test window; lower min_positives"
        )
    rows = [counts[candidates.models[place].name].test.rows for place in kept]
    models = tuple(
        entries[place].model_copy(update={"weight": weight})
        for place, weight in zip(kept, _weights(rows, plan), strict=True)
    )
    return FleetFile(**content, models=models)


def write_fleet(fleet: FleetFile, path: str) -> None:
    """Write a fleet file for people: one model a line.

    The YAML reads back as the same fleet.
    """
    Path(path).write_text(fleet_text(fleet), encoding="utf-8")


def _candidates(frame: FleetFrame, plan: DraftPlan) -> tuple[ModelEntry, ...]:
    """All combinations of which surface and constraint do not filter on the same column."""
    rules = plan.models or _every_event(frame)
    entries = []
    for rule in rules:
        surfaces = rule.surfaces or tuple(frame.surfaces)
        constraints = rule.data_constraints or tuple(frame.data_constraints)
        for surface, constraint, stage in product(surfaces, constraints, frame.stages):
            if (rule.stages and stage not in rule.stages) or _overlap(frame, surface, constraint):
                continue
            entries.append(
                ModelEntry(
                    name=f"{'+'.join(rule.events)}/{surface}/{stage}/{constraint}",
                    stage=stage,
                    events=rule.events,
                    surface=surface,
                    data_constraint=constraint,
                    hyperparameters=rule.hyperparameters,
                )
            )
    return tuple(entries)


def _every_event(frame: FleetFrame) -> tuple[DraftRule, ...]:
    """Each event of a log alone, on the surfaces of that log."""
    surfaces: dict[str, list[str]] = {}
    sources = {log_name(source): source for source in map(frame.log_of, frame.surfaces)}
    for surface in frame.surfaces:
        surfaces.setdefault(log_name(frame.log_of(surface)), []).append(surface)
    return tuple(
        DraftRule(events=(event,), surfaces=tuple(surfaces[name]))
        for name, source in sources.items()
        for event in log_schema(source).events
    )


def _overlap(frame: FleetFrame, surface: str, constraint: str) -> bool:
    at, under = frame.surfaces.get(surface), frame.data_constraints.get(constraint)
    return at is not None and under is not None and bool(set(at.filter) & set(under.filter))


def _least(counts: RowCounts, events: Sequence[str]) -> int:
    """The fewest positives, or negatives, of any event in the test window."""
    if counts.unfit(events) is not None:
        return 0
    return min(map(counts.test.least, events))


def _weights(rows: Sequence[int], plan: DraftPlan) -> list[float]:
    """Of models with so many rows in their test windows."""
    if plan.traffic_exponent is None:
        return [round(count / 1000, 3) for count in rows]
    # The order of a draw without replacement in proportion to rows (Efraimidis & Spirakis 2006).
    waits = np.random.default_rng(plan.seed).exponential(size=len(rows)) / np.array(rows)
    ranks = 1 + np.argsort(np.argsort(waits))
    return [round(MOST_TRAFFIC / rank**plan.traffic_exponent, 3) for rank in ranks.tolist()]
