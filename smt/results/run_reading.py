"""The tables of a finished generalization, as typed rows, beside its result."""

import json

from smt.errors import InputError
from smt.results.folder import read_result
from smt.results.generalization import GeneralizationResult
from smt.results.technique import TechniqueRecord
from smt.search.delta import Delta
from smt.space import Theta
from smt.spec import Spec
from smt.storage import Folder

EVALUATIONS, FLEET = "evaluations.parquet", "fleet.parquet"


class EvaluationRow(Spec):
    """One network of the run, or one that could not be trained.

    Attributes:
        technique, trial: None of a baseline.
        delta: Against the baseline; of a baseline itself not evaluated.
        ne: None where it failed.
    """

    technique: str | None
    trial: int | None
    theta: Theta
    model: str
    seed: int
    delta: Delta
    ne: float | None


class Model(Spec):
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


class Run(Spec):
    """A finished generalization with its tables.

    Attributes:
        evaluations: Of all seeds, baselines included.
        models: All of the fleet.
    """

    result: GeneralizationResult
    evaluations: tuple[EvaluationRow, ...]
    models: tuple[Model, ...]

    @property
    def failures(self) -> tuple[EvaluationRow, ...]:
        """The evaluations that failed."""
        return tuple(
            evaluation for evaluation in self.evaluations if evaluation.delta.status == "failed"
        )

    def searched(self, technique: TechniqueRecord) -> tuple[tuple[EvaluationRow, ...], ...]:
        """`[trials, models]`: what the ledger has of a technique's search.

        That is more than a trial counts where an evaluation ended after the trial was settled.
        """
        seed = self.result.settings.seed
        # Fresh seeds try the same trials again.
        evaluations = {
            (evaluation.trial, evaluation.model): evaluation
            for evaluation in self.evaluations
            if evaluation.technique == technique.name and evaluation.seed == seed
        }
        return tuple(
            tuple(
                evaluations.get((trial.number, model))
                or EvaluationRow(
                    technique=technique.name,
                    trial=trial.number,
                    theta=trial.theta,
                    model=model,
                    seed=seed,
                    delta=Delta.not_evaluated(),
                    ne=None,
                )
                for model in technique.models
            )
            for trial in technique.trials
        )


def read_run(folder: Folder) -> Run:
    """Read a run. Raises `InputError` where the folder does not hold a finished one."""
    result = read_result(folder, GeneralizationResult)
    for name in (EVALUATIONS, FLEET):
        if not folder.exists(name):
            raise InputError(
                f"{folder.location}: holds no {name}; a report needs the folder of a finished run"
            )
    return Run(result=result, evaluations=read_evaluations(folder), models=read_models(folder))


def read_evaluations(folder: Folder) -> tuple[EvaluationRow, ...]:
    """Every evaluation of a run, from the folder's table of them."""
    return tuple(
        EvaluationRow(
            **{name: row[name] for name in ("technique", "trial", "model", "seed", "ne")},
            theta=json.loads(row["theta"]),
            delta=Delta(
                status=row["status"], value=row["delta"], sem=row["sem"], reason=row["failure"]
            ),
        )
        for row in folder.read_table(EVALUATIONS).to_pylist()
    )


def read_models(folder: Folder) -> tuple[Model, ...]:
    """The fleet's models, from the folder's table of them."""
    return tuple(
        Model(**{name: row[name] for name in Model.model_fields})
        for row in folder.read_table(FLEET).to_pylist()
    )
