"""From a run's files to what the report shows of it."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from smt.errors import InputError
from smt.results.generalization import (
    Candidate,
    Cell,
    Failure,
    Holdout,
    Interval,
    Measured,
    Model,
    ModelOverSeeds,
    Representative,
    Run,
    Sensitivity,
    ShortWindow,
    Shown,
    Technique,
    Trial,
)
from smt.storage import Folder

RESULT, EVALUATIONS, FLEET = "result.json", "evaluations.parquet", "fleet.parquet"

Row = dict[str, Any]
# (technique, trial, model) -> a row of the search.
Rows = Mapping[tuple[str | None, int | None, str], Row]
T = TypeVar("T")
M = TypeVar("M", bound=Measured)


def read_run(folder: Folder) -> Run:
    """Read a run. Raises `InputError` where the folder does not hold a finished one."""
    for name in (RESULT, EVALUATIONS, FLEET):
        if not folder.exists(name):
            raise InputError(
                f"{folder.location}: holds no {name}; a report needs the folder of a finished run"
            )
    result = json.loads(folder.read(RESULT))
    evaluations = folder.read_table(EVALUATIONS).to_pylist()
    representatives = tuple(_pick(Representative, row) for row in result["representatives"])
    names = [each.model for each in representatives]
    # Fresh seeds try the same trials again.
    rows = {
        (row["technique"], row["trial"], row["model"]): row
        for row in evaluations
        if row["seed"] == result["settings"]["seed"]
    }
    return Run(
        fleet=result["fleet"],
        template=result["template"]["name"],
        settings=result["settings"],
        inertias=by_count(result["inertias"]),
        silhouettes=by_count(result["silhouettes"]),
        evaluations=len(evaluations),
        representatives=representatives,
        holdout_models=tuple(result["holdout_models"]),
        short_windows=tuple(
            _pick(ShortWindow, row, model=model) for model, row in result["short_windows"].items()
        ),
        techniques=tuple(_technique(each, names, rows) for each in result["techniques"]),
        models=read_models(folder),
        failures=tuple(
            _pick(Failure, row, reason=row["failure"])
            for row in evaluations
            if row["failure"] is not None
        ),
    )


def read_models(folder: Folder) -> tuple[Model, ...]:
    """The fleet's models, from the folder's table of them."""
    return tuple(_pick(Model, row) for row in folder.read_table(FLEET).to_pylist())


def by_count(curve: Mapping[str, float]) -> dict[int, float]:
    """A curve over k, whose keys are text in JSON."""
    return {int(k): value for k, value in curve.items()}


def _technique(found: Row, models: list[str], rows: Rows) -> Technique:
    holdout = found["holdout"]
    return _pick(
        Technique,
        found,
        shown=_pick(Shown, found["shown"], interval=_interval(found["shown"]["interval"])),
        trials=tuple(_trial(found["name"], trial, models, rows) for trial in found["trials"]),
        confirmation=tuple(_measured(Candidate, each) for each in found["confirmation"]),
        holdout=None if holdout is None else _measured(Holdout, holdout),
        sensitivity=tuple(_sensitivity(*each) for each in found["sensitivity"].items()),
    )


def _trial(technique: str, trial: Row, models: list[str], rows: Rows) -> Trial:
    cells = (_cell(model, rows.get((technique, trial["number"], model))) for model in models)
    return _pick(Trial, trial, cells=tuple(cells))


def _cell(model: str, row: Row | None) -> Cell:
    if row is None:
        return Cell(model, None, None, None, None)
    return _pick(Cell, row)


def _measured(kind: type[M], found: Row) -> M:
    return _pick(
        kind,
        found,
        seeds=tuple(found["seeds"]),
        interval=_interval(found["interval"]),
        models=tuple(
            ModelOverSeeds(
                model=model,
                delta=delta,
                sem=found["sems"][model],
                by_seed=tuple(deltas[model] for deltas in found["by_seed"]),
            )
            for model, delta in found["deltas"].items()
        ),
    )


def _sensitivity(hyperparameter: str, found: Row) -> Sensitivity:
    return _pick(
        Sensitivity,
        found,
        hyperparameter=hyperparameter,
        interval=_interval(found["interval"]),
        model_betas=tuple(found["model_betas"]),
        effects=tuple(found["effects"]),
    )


def _interval(ends: list[float | None] | None) -> Interval | None:
    """An interval; None where it is missing or an end is unknown."""
    if ends is None:
        return None
    low, high = ends
    return None if low is None or high is None else (low, high)


def _pick(kind: type[T], row: Row, **replaced: Any) -> T:
    """A dataclass from the entries of a row that it has fields for."""
    values = {**row, **replaced}
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]
