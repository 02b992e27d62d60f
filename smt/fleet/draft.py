"""A first fleet for a log: every event × surface × stage × data constraint with enough data."""

from itertools import product
from pathlib import Path

import numpy as np

from smt.data import Log, expression
from smt.data.columns import Event
from smt.fleet.fleet_file import FleetFile, ModelEntry, fleet_text

MIN_POSITIVES = 200


def draft_models(frame: FleetFile, log: Log, *, min_positives: int = MIN_POSITIVES) -> FleetFile:
    """Fill in the models of a fleet file.

    A combination becomes a model where its event happens at least `min_positives` times in
    the test window (and, where it is of 0 and 1, fails to happen as often). Its weight is its
    test window's rows, in thousands.

    Args:
        frame: Stages, surfaces and data constraints; its models are replaced.
    """
    filters = {
        (surface, constraint): {**at.filter, **under.filter}
        for (surface, at), (constraint, under) in product(
            frame.surfaces.items(), frame.data_constraints.items()
        )
        if not set(at.filter) & set(under.filter)
    }
    columns = {column for where in filters.values() for column in where}
    test = log.load([*log.schema.events, *columns]).test
    models, binary = [], log.schema.names(Event)
    for (surface, constraint), where in filters.items():
        condition = expression(where, log.schema)
        rows = test if condition is None else test.filter(condition)
        for event, stage in product(log.schema.events, frame.stages):
            happened = int(np.count_nonzero(rows[event].to_numpy()))
            # What never fails to happen says nothing of a binary event; a value still differs.
            failed = rows.num_rows - happened if event in binary else happened
            if min(happened, failed) >= min_positives:
                models.append(
                    ModelEntry(
                        name=f"{event}/{surface}/{stage}/{constraint}",
                        stage=stage,
                        events=(event,),
                        surface=surface,
                        data_constraint=constraint,
                        weight=round(rows.num_rows / 1000, 3),
                    )
                )
    return frame.model_copy(update={"models": tuple(models)})


def write_fleet(fleet: FleetFile, path: str) -> None:
    """Write a fleet file for people: one model a line.

    The YAML reads back as the same fleet.
    """
    Path(path).write_text(fleet_text(fleet), encoding="utf-8")
