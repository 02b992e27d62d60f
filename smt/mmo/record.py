"""What a generalization leaves in its folder: `result.json` and Parquet tables."""

import json
from collections.abc import Iterator, Sequence
from statistics import median

import pyarrow as pa

from smt.execution.ledger import Ledger
from smt.fleet import ModelSpec, fleet_table
from smt.mmo.generalization import Generalization
from smt.mmo.technique_record import technique_record
from smt.mmo.verdict.sample_size import required_examples
from smt.results.folder import write_result
from smt.results.generalization import GeneralizationResult, Representative, ShortWindow
from smt.results.run_reading import EVALUATIONS, FLEET
from smt.results.technique import TechniqueRecord, TrialRecord
from smt.search.ax_experiment import experiment_json
from smt.search.encoding import Encoding
from smt.storage import Folder

TRIALS = "trials.parquet"
BASELINE = ("ne", "flops", "bytes", "train_rows", "judged_rows")


def save(run: Generalization, folder: Folder) -> GeneralizationResult:
    """Write everything that a run decided, and every evaluation.

    `result.json` holds no times, so that equal runs leave equal files. Tables:
    `evaluations.parquet` (the ledger, baselines included), `trials.parquet`,
    `fleet.parquet` (all models: attributes, cluster, coordinates). `ax/TECHNIQUE.json` holds the
    search as an Ax experiment; `ax.api.client.Client.load_from_json_file` opens it.

    Returns:
        The content of `result.json`.
    """
    result = summarise(run)
    baselines = [*run.baselines.values(), *run.other_baselines]
    rows = [record.to_row() for record in (*baselines, *Ledger(folder, folder).evaluations())]
    evaluations = [{**row, "theta": json.dumps(row["theta"])} for row in rows]
    folder.write_table(EVALUATIONS, pa.Table.from_pylist(evaluations))
    folder.write_table(TRIALS, _trial_table(result.techniques))
    folder.write_table(FLEET, fleet_table(run.fleet, run.representatives, run.holdout))
    for name, experiment in _experiments(run):
        folder.write(f"ax/{name}.json", experiment)
    write_result(folder, result)
    return result


def summarise(run: Generalization) -> GeneralizationResult:
    """The content of `result.json`."""
    settings = run.settings
    return GeneralizationResult(
        fleet=run.fleet.name,
        templates=run.templates.templates,
        model_templates=run.templates.names,
        settings=settings,
        inertias=run.representatives.inertias,
        silhouettes=run.representatives.silhouettes,
        representatives=_representatives(run),
        holdout_models=tuple(model.name for model in run.holdout),
        short_windows=_short_windows(run),
        techniques=tuple(technique_record(result, settings) for result in run.results),
        generalized=run.generalized,
        untried=run.untried,
    )


def _representatives(run: Generalization) -> tuple[Representative, ...]:
    models = run.representatives.models
    shares = run.settings.goal(models).shares
    return tuple(
        Representative.model_validate(
            {
                "model": model.name,
                "weight": share,
                **{name: getattr(run.baselines[model.name], name) for name in BASELINE},
            }
        )
        for model, share in zip(models, shares, strict=True)
    )


def _short_windows(run: Generalization) -> dict[str, ShortWindow]:
    """The representatives whose test window is too short to tell a change of α."""
    if not run.settings.alpha:
        return {}
    short = {}
    for model in run.representatives.models:
        known = [*_known_sems(run, model)]
        rows = run.baselines[model.name].judged_rows
        if known and rows:
            sem = median(known)
            needed = required_examples(sem, rows, alpha=run.settings.alpha)
            if rows < needed:
                short[model.name] = ShortWindow(rows=rows, needed=needed, sem=sem)
    return short


def _known_sems(run: Generalization, model: ModelSpec) -> Iterator[float]:
    """Standard errors of the model's Δs, of all techniques that fit it."""
    for result in run.results:
        if model in result.models:
            place = result.models.index(model)
            sems = (trial.sems[place] for trial in result.trials)
            yield from (sem for sem in sems if sem is not None)


def _experiments(run: Generalization) -> Iterator[tuple[str, bytes]]:
    """Technique -> its search in Ax's form, of those with something to search."""
    for result in run.results:
        encoding = Encoding(result.technique.space)
        if encoding.columns:
            goal = run.settings.goal(result.models)
            names = [model.name for model in result.models]
            yield result.technique.name, experiment_json(encoding, result.trials, goal, names)


def _trial_table(techniques: Sequence[TechniqueRecord]) -> pa.Table:
    """A row a trial; in `deltas` a model each: its number, its status, and why it failed."""
    rows = [
        {
            "technique": technique.name,
            "number": trial.number,
            **trial.model_dump(exclude={"theta", "deltas", "savings", "growth"}),
            "flops_saved": None if trial.savings is None else trial.savings.flops,
            "bytes_saved": None if trial.savings is None else trial.savings.bytes,
            "fleet_flops_growth": None if trial.growth is None else trial.growth.flops,
            "fleet_bytes_growth": None if trial.growth is None else trial.growth.bytes,
            "theta": json.dumps(trial.theta),
            "deltas": _deltas(trial),
        }
        for technique in techniques
        for trial in technique.trials
    ]
    return pa.Table.from_pylist(rows)


def _deltas(trial: TrialRecord) -> list[dict[str, object]]:
    return [
        {
            "model": model,
            "status": delta.status,
            "delta": delta.value,
            "sem": delta.sem,
            "failure": delta.reason,
        }
        for model, delta in trial.deltas.items()
    ]
