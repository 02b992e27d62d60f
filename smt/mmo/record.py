"""What a generalization leaves in its folder: `result.json` and Parquet tables."""

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from smt.execution.ledger import Ledger
from smt.fleet import fleet_table
from smt.mmo.generalization import Generalization
from smt.mmo.result_tables import evaluation_table, trial_table
from smt.mmo.sensitivity.sensitivity import analyze_sensitivity
from smt.mmo.verdict.conclusion import TechniqueResult, Verdict
from smt.mmo.verdict.confirmation import Measured
from smt.mmo.verdict.holdout import explain_holdout
from smt.mmo.verdict.sample_size import short_windows
from smt.mmo.verdict.significance import mean_interval, pooled_feasible_probability
from smt.search.aggregate import mean_sem, normalise_weights
from smt.search.ax_experiment import experiment_json
from smt.search.encoding import Encoding
from smt.search.regressed import regressed
from smt.search.settings import Settings
from smt.search.trial import Trial
from smt.storage import Folder


def save(found: Generalization, folder: Folder) -> dict[str, Any]:
    """Write everything that a run decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files. Tables:
    `evaluations.parquet` (the ledger, baselines included), `trials.parquet`,
    `fleet.parquet` (all models: attributes, cluster, coordinates). `ax/TECHNIQUE.json` holds the
    search as an Ax experiment; `ax.api.client.Client.load_from_json_file` opens it.

    Returns:
        The content of `result.json`.
    """
    result = summarise(found)
    baselines = [*found.baselines.values(), *found.other_baselines]
    evaluations = [*baselines, *Ledger(folder, folder).evaluations()]
    folder.write_table("evaluations.parquet", evaluation_table(evaluations))
    folder.write_table("trials.parquet", trial_table(result))
    fleet = fleet_table(found.fleet, found.representatives, found.holdout)
    folder.write_table("fleet.parquet", fleet)
    for name, content in _experiments(found):
        folder.write(f"ax/{name}.json", content)
    folder.write("result.json", json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def summarise(found: Generalization) -> dict[str, Any]:
    """The content of `result.json`: plain data, None for what is not a finite number."""
    models = found.representatives.models
    shares = normalise_weights([model.weight for model in models], len(models))
    return {
        "fleet": found.fleet.name,
        "template": found.template.to_dict(),
        "settings": found.settings.to_dict(),
        "inertias": {str(k): value for k, value in found.representatives.inertias.items()},
        "silhouettes": {str(k): value for k, value in found.representatives.silhouettes.items()},
        "representatives": [
            {
                "model": model.name,
                "weight": share,
                "ne": found.baselines[model.name].ne,
                "flops": found.baselines[model.name].flops,
                "train_rows": found.baselines[model.name].train_rows,
                "test_rows": found.baselines[model.name].test_rows,
            }
            for model, share in zip(models, shares, strict=True)
        ],
        "holdout_models": [model.name for model in found.holdout],
        "short_windows": _short_windows(found),
        "techniques": [_technique(each, found, shares) for each in found.results],
        "generalized": found.generalized,
    }


def _experiments(found: Generalization) -> Iterator[tuple[str, bytes]]:
    """Technique -> its search in Ax's form, of those with something to search."""
    models = found.representatives.models
    goal = found.settings.goal(models)
    for result in found.results:
        encoding = Encoding(result.technique.space)
        if encoding.columns:
            names = [model.name for model in models]
            yield result.technique.name, experiment_json(encoding, result.trials, goal, names)


def _technique(
    result: TechniqueResult, found: Generalization, shares: list[float]
) -> dict[str, Any]:
    numbered = list(enumerate(result.trials))
    verdict, settings, names = result.verdict, found.settings, _names(found)
    shown = verdict.number
    if shown is None:
        shown = _nearest_to_feasible(numbered)
    return {
        "name": result.technique.name,
        "source": result.technique.source,
        "generalizes": verdict.generalizes,
        "reason": verdict.reason,
        "feasible": result.best is not None,
        "stopped": result.stopped,
        "paper": None if result.paper is None else _number(result.paper, numbered),
        "paper_generalizes": result.paper is not None
        and result.paper.aggregate.value >= settings.tau,
        "estimate": None if result.estimate is None else asdict(result.estimate),
        "shown": _shown(result, shown, found, shares),
        "confirmation": [_measured(each, names, settings) for each in verdict.confirmation],
        "holdout": _holdout(verdict, settings),
        "sensitivity": _sensitivity(result, found),
        "trials": [_trial(number, trial, names, shares, settings) for number, trial in numbered],
    }


def _shown(
    result: TechniqueResult, number: int, found: Generalization, shares: list[float]
) -> dict[str, Any]:
    """What the verdict rests on: numbers on fresh seeds, where there are some."""
    names, settings = _names(found), found.settings
    record = _trial(number, result.trials[number], names, shares, settings)
    confirmed = result.verdict.confirmed
    if confirmed is None:
        interval, chance = _of_search(result.trials[number], shares, settings)
        return {
            **record,
            "source": "search",
            "interval": interval,
            "feasible_probability": chance,
        }
    measured = _measured(confirmed, names, settings)
    kept = {name: measured[name] for name in measured if name in record}
    return {
        **record,
        **kept,
        "source": "fresh seeds",
        "interval": measured["interval"],
        "feasible_probability": measured["feasible_probability"],
    }


def _of_search(
    trial: Trial, shares: list[float], settings: Settings
) -> tuple[list[float] | None, float | None]:
    """95% interval of μ and P(R <= ε), of one seed alone; None where a model is missing."""
    if any(delta is None for delta in trial.deltas):
        return None, None
    interval = mean_interval(trial.deltas, trial.sems, shares)
    chance = pooled_feasible_probability(
        trial.deltas, trial.sems, alpha=settings.alpha, epsilon=settings.epsilon
    )
    return None if interval is None else list(interval), chance


def _measured(found: Measured, names: list[str], settings: Settings) -> dict[str, Any]:
    return {
        "trial": found.trial,
        "theta": found.theta,
        "seeds": list(found.seeds),
        "value": _finite(found.aggregate.value),
        "mean": _finite(found.aggregate.mean),
        "mean_sem": found.mean_sem,
        "interval": None if found.interval is None else list(found.interval),
        "lower": found.lower,
        "regression_rate": found.aggregate.regression_rate,
        "feasible_probability": found.feasible_probability,
        **_counts(found.deltas, settings),
        "deltas": dict(zip(names, map(_finite, found.deltas), strict=True)),
        "sems": dict(zip(names, map(_finite, found.sems), strict=True)),
        "by_seed": [
            dict(zip(names, map(_finite, trial.deltas), strict=True)) for trial in found.replicates
        ],
    }


def _holdout(verdict: Verdict, settings: Settings) -> dict[str, Any] | None:
    if verdict.holdout is None:
        return None
    models = verdict.holdout_models
    measured = _measured(verdict.holdout, [model.name for model in models], settings)
    del measured["trial"]
    goal = settings.goal(models)
    return {
        **measured,
        "passes": verdict.generalizes,
        "reason": explain_holdout(verdict.holdout, models, goal),
    }


def _sensitivity(result: TechniqueResult, found: Generalization) -> dict[str, Any]:
    """Eq. 7 over the feasible trials; what they cannot tell is undecided, with the reason."""
    settings = found.settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        decisions = analyze_sensitivity(
            result.trials,
            result.technique.space,
            weights=[model.weight for model in found.representatives.models],
            alpha=settings.alpha,
            tau=max(settings.tau, 0.0),
        )
    return {name: each.to_dict() for name, each in decisions.items()}


def _short_windows(found: Generalization) -> dict[str, dict[str, float]]:
    """The representatives whose test window is too short to tell a change of α."""
    if not found.settings.alpha:
        return {}
    measured = {}
    for place, model in enumerate(found.representatives.models):
        sems = [trial.sems[place] for result in found.results for trial in result.trials]
        known = [sem for sem in sems if sem is not None and math.isfinite(sem)]
        rows = found.baselines[model.name].test_rows
        if known and rows:
            measured[model.name] = (median(known), rows)
    needed = short_windows(measured, alpha=found.settings.alpha)
    return {
        name: {"rows": measured[name][1], "needed": rows, "sem": measured[name][0]}
        for name, rows in needed.items()
    }


def _names(found: Generalization) -> list[str]:
    return [model.name for model in found.representatives.models]


def _number(trial: Trial, numbered: list[tuple[int, Trial]]) -> int:
    return next(number for number, each in numbered if each is trial)


def _nearest_to_feasible(numbered: list[tuple[int, Trial]]) -> int:
    """What to show of a technique without a feasible θ: the least R, then the largest μ."""

    def badness(pair: tuple[int, Trial]) -> tuple[float, float]:
        mean = pair[1].aggregate.mean
        return pair[1].aggregate.regression_rate, math.inf if math.isnan(mean) else -mean

    return min(numbered, key=badness)[0]


def _trial(
    number: int, trial: Trial, names: list[str], shares: list[float], settings: Settings
) -> dict[str, Any]:
    return {
        "number": number,
        "theta": trial.theta,
        "value": _finite(trial.aggregate.value),
        "mean": _finite(trial.aggregate.mean),
        "mean_sem": _finite(mean_sem(trial.sems, shares)),
        "regression_rate": trial.aggregate.regression_rate,
        **_counts(trial.deltas, settings),
        "skipped": sum(delta is None for delta in trial.deltas),
        "deltas": dict(zip(names, map(_finite, trial.deltas), strict=True)),
    }


def _counts(deltas: Sequence[float | None], settings: Settings) -> dict[str, int]:
    regressions = sum(regressed(delta, settings.alpha) for delta in deltas)
    helped = sum(delta is not None and delta > settings.alpha for delta in deltas)
    evaluated = sum(delta is not None for delta in deltas)
    return {
        "helped": helped,
        "neutral": evaluated - helped - regressions,
        "regressed": regressions,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
