"""Trials of earlier runs, from which a search starts warm."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from smt.errors import InputError
from smt.fleet import ModelSpec
from smt.results.folder import read_result
from smt.results.generalization import GeneralizationResult
from smt.results.run_reading import EVALUATIONS, EvaluationRow, read_evaluations
from smt.search.aggregate import Aggregate
from smt.search.delta import Delta
from smt.search.trial import Trial
from smt.storage import Folder


def read_earlier(
    location: str | Path, models: Mapping[str, Sequence[ModelSpec]]
) -> dict[str, tuple[Trial, ...]]:
    """Technique -> what a finished run tried of it on the models of these names.

    A model that the run did not evaluate is not evaluated here; a trial is never feasible, for it
    was measured against another baseline.

    Args:
        location: Folder or URI of a run of generalize.
        models: Technique -> those on which it is searched.

    Raises:
        InputError: There is no finished run, or it shares no technique or no model with this one.
    """
    folder = Folder(location)
    seed = read_result(folder, GeneralizationResult).settings.seed
    if not folder.exists(EVALUATIONS):
        raise InputError(
            f"{location}: holds no {EVALUATIONS}; a finished run of generalize is needed to start "
            "from"
        )
    tried = [
        row for row in read_evaluations(folder) if row.technique in models and row.seed == seed
    ]
    if not tried:
        raise InputError(f"{location}: tried none of {', '.join(models)}")
    names = {name: [model.name for model in of_one] for name, of_one in models.items()}
    known = [row for row in tried if row.technique and row.model in names[row.technique]]
    if not known:
        raise InputError(f"{location}: none of its models is a representative of this run")
    by_technique: dict[str, dict[int, list[EvaluationRow]]] = {}
    for row in known:
        assert row.technique is not None
        assert row.trial is not None
        by_technique.setdefault(row.technique, {}).setdefault(row.trial, []).append(row)
    return {
        technique: tuple(_trial(trials[number], names[technique]) for number in sorted(trials))
        for technique, trials in by_technique.items()
    }


def _trial(rows: Sequence[EvaluationRow], names: Sequence[str]) -> Trial:
    deltas = {row.model: row.delta for row in rows}
    return Trial(
        theta=rows[0].theta,
        deltas=[deltas.get(name, Delta.not_evaluated()) for name in names],
        aggregate=Aggregate(math.nan, math.nan, -math.inf),
    )
