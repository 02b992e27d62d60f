"""What a run left in its folder, as the report uses it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from smt.errors import InputError
from smt.execution.storage import Folder

RESULT, EVALUATIONS, FLEET = "result.json", "evaluations.parquet", "fleet.parquet"

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Cell:
    """One representative model in one trial.

    Attributes:
        delta, sem: Percent; None where it failed or was not evaluated.
        failure: Why it failed; None where it did not.
    """

    model: str
    delta: float | None
    sem: float | None
    ne: float | None
    failure: str | None


@dataclass(frozen=True)
class Trial:
    """One θ on the representative models.

    Attributes:
        value: A, percent; None stands for -inf.
        mean, mean_sem: μ and its standard error, percent; None where a model failed or was
            not evaluated.
        regression_rate: R, a share; of what was evaluated a lower bound.
        skipped: Models that were not evaluated, because enough others had regressed.
        cells: One a representative, in their order.
    """

    number: int
    theta: dict[str, Any]
    value: float | None
    mean: float | None
    mean_sem: float | None
    regression_rate: float
    helped: int
    neutral: int
    regressed: int
    skipped: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Technique:
    """One technique's search.

    Attributes:
        shown: Number of the trial that stands for it: the best one, or where none was
            feasible the nearest.
        paper: Number of the trial of the largest A; None where none was feasible.
        stopped: Why the search ended early; None where it did not.
        feasible_probability: P(R <= ε) of `shown` by the surrogate; None without one.
    """

    name: str
    source: str
    generalizes: bool
    feasible: bool
    shown: int
    paper: int | None
    stopped: str | None
    feasible_probability: float | None
    trials: tuple[Trial, ...]

    @property
    def shown_trial(self) -> Trial:
        """The trial that stands for the technique."""
        return next(trial for trial in self.trials if trial.number == self.shown)


@dataclass(frozen=True)
class Representative:
    """A representative model with its baseline; `weight` is its share of all weights."""

    model: str
    weight: float
    ne: float
    flops: int
    train_rows: int
    test_rows: int


@dataclass(frozen=True)
class Model:
    """A model of the fleet: attributes, cluster, and place on two principal axes."""

    model: str
    stage: str
    inference_flops: int
    inference_hardware: str
    event: str
    surface: str
    data_constraint: str
    weight: float
    cluster: int
    x: float
    y: float
    representative: bool


@dataclass(frozen=True)
class Failure:
    """An evaluation that failed; `technique` and `trial` are None for a baseline."""

    technique: str | None
    trial: int | None
    model: str
    reason: str


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        settings: α, ε, τ, method, trials, seed and whatever else the run was set to.
        inertias: k -> k-means inertia.
        evaluations: How many networks the tables hold, baselines included.
    """

    fleet: str
    template: str
    settings: dict[str, Any]
    inertias: dict[int, float]
    evaluations: int
    representatives: tuple[Representative, ...]
    techniques: tuple[Technique, ...]
    models: tuple[Model, ...]
    failures: tuple[Failure, ...]


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
    rows = {(row["technique"], row["trial"], row["model"]): row for row in evaluations}
    return Run(
        fleet=result["fleet"],
        template=result["template"]["name"],
        settings=result["settings"],
        inertias={int(k): inertia for k, inertia in result["inertias"].items()},
        evaluations=len(evaluations),
        representatives=representatives,
        techniques=tuple(_technique(each, names, rows) for each in result["techniques"]),
        models=tuple(_pick(Model, row) for row in folder.read_table(FLEET).to_pylist()),
        failures=tuple(
            Failure(row["technique"], row["trial"], row["model"], row["failure"])
            for row in evaluations
            if row["failure"] is not None
        ),
    )


def _technique(
    found: Row, models: list[str], rows: Mapping[tuple[str | None, int | None, str], Row]
) -> Technique:
    trials = tuple(
        _pick(
            Trial,
            trial,
            cells=tuple(
                _cell(model, rows.get((found["name"], trial["number"], model))) for model in models
            ),
        )
        for trial in found["trials"]
    )
    estimate = found["estimate"]
    return _pick(
        Technique,
        found,
        shown=found["shown"]["number"],
        feasible_probability=None if estimate is None else estimate["feasible_probability"],
        trials=trials,
    )


def _cell(model: str, row: Row | None) -> Cell:
    if row is None:
        return Cell(model, None, None, None, None)
    return _pick(Cell, row)


def _pick(kind: type[T], row: Row, **replaced: Any) -> T:
    """A dataclass from the entries of a row that it has fields for."""
    values = {**row, **replaced}
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]
