"""A small run, made without training anything, and saved by the code that saves real ones."""

import math
import random
from pathlib import Path

import numpy as np
import pytest

from smt.execution.evaluation import Evaluation
from smt.execution.ledger import Ledger
from smt.execution.storage import Folder
from smt.fleet import Fleet, ModelSpec, Representatives
from smt.mmo.generalize import Generalization, TechniqueResult
from smt.mmo.optimize import best_trial
from smt.mmo.results import save
from smt.mmo.settings import Settings
from smt.mmo.technique_search import to_trial
from smt.spec import digest
from smt.template import Float, Technique, catalogue

HOSTILE = 'click/<b>all</b>&"x"/</script>'
SETTINGS = Settings(trials=8, alpha=0.05, epsilon=0.2, tau=0.05, seed=3)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five representatives of twelve models; a technique that helps, a weak one, a bad one."""
    path = tmp_path_factory.mktemp("run")
    folder = Folder(path)
    fleet = Fleet(name="made & <up>", models=tuple(_model(index) for index in range(12)))
    representatives = Representatives(
        models=fleet.models[:5],
        clusters=np.arange(12) % 5,
        inertias={k: 20.0 / k for k in range(1, 9)},
        coordinates=np.array([[index % 3, index % 2] for index in range(12)], dtype=float),
    )
    baselines = {
        model.name: _evaluation(model, None, None, {}, ne=0.9 + index / 100)
        for index, model in enumerate(representatives.models)
    }
    results = tuple(
        _search(name, centre, spread, representatives, folder)
        for name, centre, spread in (
            ("helps", 0.3, 0.15),
            ("weak", 0.01, 0.02),
            ("breaks", -0.4, 0.15),
        )
    )
    found = Generalization(
        fleet, catalogue["sparsenn_small"], SETTINGS, representatives, baselines, results
    )
    save(found, folder)
    return path


def _model(index: int) -> ModelSpec:
    return ModelSpec(
        name=HOSTILE if index == 1 else f"click/surface{index}/ranking",
        stage=("retrieval", "pre_ranking", "ranking")[index % 3],
        events=("click",),
        surface=f"surface{index}",
        data_constraint="full",
        log="log",
        features=("user",),
        weight=1.0 + index,
        inference_flops=1000 * (index + 1),
    )


def _search(
    name: str, centre: float, spread: float, representatives: Representatives, folder: Folder
) -> TechniqueResult:
    draw = random.Random(name)
    trials = []
    for number in range(SETTINGS.trials):
        theta = {"rate": draw.uniform(0, 1)}
        evaluations = [
            _trial_evaluation(model, name, number, theta, draw.gauss(centre, spread))
            for model in representatives.models
        ]
        for evaluation in evaluations:
            Ledger(folder, folder).record(evaluation)
        trials.append(to_trial(theta, evaluations, representatives.models, SETTINGS))
    best = best_trial(trials)
    generalizes = best is not None and best.aggregate.value >= SETTINGS.tau
    technique = Technique(name, "training", {"rate": Float(0, 1)}, _unchanged, f"source of {name}")
    return TechniqueResult(
        technique,
        tuple(trials),
        best=best,
        estimate=None,
        paper=best,
        stopped=None,
        generalizes=generalizes,
    )


def _trial_evaluation(
    model: ModelSpec, technique: str, trial: int, theta: dict[str, float], delta: float
) -> Evaluation:
    # One good trial fails on one model, and two trials of the bad technique on all.
    failed = (technique == "helps" and trial == 2 and model.name == HOSTILE) or (
        technique == "breaks" and trial in (0, 4)
    )
    if failed:
        return _evaluation(model, technique, trial, theta, failure="ValueError: loss < 0 & <nan>")
    return _evaluation(
        model, technique, trial, theta, delta=delta, sem=0.05 * math.exp(delta), ne=0.9 - delta
    )


def _evaluation(
    model: ModelSpec,
    technique: str | None,
    trial: int | None,
    theta: dict[str, float],
    *,
    delta: float | None = None,
    sem: float | None = None,
    ne: float | None = None,
    failure: str | None = None,
) -> Evaluation:
    key = digest(model.name)
    name = f"baseline/{key}" if technique is None else f"{technique}/{trial:04d}-{key}"
    measured = {} if failure else {"flops": 45440, "train_rows": 48000, "test_rows": 12000}
    return Evaluation(
        name=name,
        key=key,
        technique=technique,
        trial=trial,
        theta=theta,
        model=model.name,
        seed=SETTINGS.seed,
        delta=delta,
        sem=sem,
        ne=ne,
        failure=failure,
        **measured,
    )


def _unchanged(template: object, **theta: object) -> object:
    return template
