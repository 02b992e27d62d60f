"""The importance of features over several models, in a folder."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import PositiveInt

from smt.data import Log
from smt.errors import InputError
from smt.execution.ledger import open_run
from smt.fleet import Fleet, ModelSpec, log_name
from smt.importance.measure import Method, feature_importance
from smt.seeds import Seed
from smt.spec import Spec, digest, suggest
from smt.storage import Folder
from smt.template import Template
from smt.template.features import FeatureType
from smt.template.named_files import FileDigests
from smt.training.learner import DivergedError

RESULT, IMPORTANCE, GRADIENT = "result.json", "importance.parquet", "gradient.parquet"


class ImportanceSettings(Spec):
    """How importance is measured.

    Attributes:
        method: `both` keeps gradients in a table of their own, because a template's
            selection takes the mean over all rows of a table.
        repeats: Permutations a feature.
        rows: Rows that are measured; all of those held out where None.
        seed: Of initial values and permutations.
    """

    method: Literal["permutation", "gradient", "both"] = "permutation"
    repeats: PositiveInt = 1
    rows: PositiveInt | None = None
    seed: Seed = 0

    @property
    def methods(self) -> tuple[Method, ...]:
        """The one that selections use first."""
        return ("permutation", "gradient") if self.method == "both" else (self.method,)


@dataclass(frozen=True)
class Measured:
    """One model's rows, of all methods; None where it could not be measured, for a reason."""

    model: str
    table: pa.Table | None
    failure: str | None = None


@dataclass(frozen=True)
class RankedFeature:
    """A feature's mean importance over the models that read it.

    Attributes:
        sem: Standard error that the measured rows leave; not that of other models or seeds.
        by_model: Model -> importance.
    """

    feature: str
    importance: float
    sem: float
    by_model: dict[str, float]


def choose_models(fleet: Fleet, names: Sequence[str]) -> tuple[ModelSpec, ...]:
    """Models of a fleet by name. Raises `InputError` for one that it lacks."""
    models = {model.name: model for model in fleet.models}
    for name in names:
        if name not in models:
            raise InputError(
                f"fleet '{fleet.name}' has no model '{name}'; {suggest(name, [*models])}"
            )
    return tuple(models[name] for name in dict.fromkeys(names))


def measure_models(
    models: Sequence[ModelSpec],
    logs: dict[str, Log],
    template: Template,
    settings: ImportanceSettings,
    folder: Folder,
    *,
    resume: bool = False,
) -> Iterator[Measured]:
    """Train and measure one model after another.

    A model's rows are durable, in a file of their own, before it is yielded. A resumed run
    measures the models that have none.

    Args:
        logs: By `log_name`.

    Raises:
        InputError: The folder holds another run or other files.
    """
    run = {
        "settings": settings.to_dict(),
        "template": template.to_dict(),
        "models": [model.to_dict() for model in models],
        "logs": {model.name: logs[log_name(model.log)].digest for model in models},
        **FileDigests().of_run(template),
    }
    with open_run(folder, run, resume=resume):
        for model in models:
            file = f"models/{digest(model.name)}.parquet"
            if folder.exists(file):
                yield Measured(model.name, folder.read_table(file))
                continue
            try:
                table = feature_importance(
                    template,
                    model,
                    logs[log_name(model.log)],
                    methods=settings.methods,
                    repeats=settings.repeats,
                    rows=settings.rows,
                    seed=settings.seed,
                )
            except (DivergedError, InputError) as error:
                yield Measured(model.name, None, str(error))
                continue
            folder.write_table(file, table)
            yield Measured(model.name, table)


def describe_measured(measured: Measured) -> str:
    """What a model came to, in one line."""
    if measured.table is None:
        return f"{measured.model}: not measured: {measured.failure}"
    rows = measured.table.filter(pc.field("method") == measured.table["method"][0])
    best = rows.sort_by([("importance", "descending")])["feature"].to_pylist()[:3]
    return (
        f"{measured.model}: NE {rows['ne'][0].as_py():.5f}, {len(rows)} features, "
        f"most important: {', '.join(best)}"
    )


def rank_features(table: pa.Table) -> dict[FeatureType, list[RankedFeature]]:
    """Features of each type, most important first, from the rows of one method."""
    found: dict[FeatureType, dict[str, list[dict[str, Any]]]] = {
        each: defaultdict(list) for each in get_args(FeatureType)
    }
    for row in table.to_pylist():
        found[row["type"]][row["feature"]].append(row)
    return {
        each: sorted(
            (_ranked(name, rows) for name, rows in features.items()),
            key=lambda ranked: -ranked.importance,
        )
        for each, features in found.items()
        if features
    }


def save_importance(
    measured: Sequence[Measured],
    fleet: Fleet,
    template: Template,
    settings: ImportanceSettings,
    folder: Folder,
) -> dict[str, Any]:
    """Write what the models came to.

    `importance.parquet` has a row for every feature and model, and where both methods are
    used `gradient.parquet` has the second one's; `result.json` has no times.

    Returns:
        The content of `result.json`.

    Raises:
        InputError: No model could be measured.
    """
    failures = {each.model: each.failure for each in measured if each.failure is not None}
    tables = [each.table for each in measured if each.table is not None]
    if not tables:
        raise InputError("; ".join(f"model '{name}': {why}" for name, why in failures.items()))
    ranking = {}
    for method, file in zip(settings.methods, (IMPORTANCE, GRADIENT), strict=False):
        table = pa.concat_tables(tables).filter(pc.field("method") == method)
        folder.write_table(file, table)
        ranking[method] = {
            kind: [asdict(each) for each in features]
            for kind, features in rank_features(table).items()
        }
    result = {
        "fleet": fleet.name,
        "template": template.to_dict(),
        "settings": settings.to_dict(),
        "models": [
            {key: table[key][0].as_py() for key in ("model", "events", "ne", "rows")}
            for table in tables
        ],
        "failures": failures,
        "ranking": ranking,
    }
    folder.write(RESULT, json.dumps(result, indent=2, allow_nan=False).encode())
    return result


def _ranked(name: str, rows: list[dict[str, Any]]) -> RankedFeature:
    return RankedFeature(
        feature=name,
        importance=math.fsum(row["importance"] for row in rows) / len(rows),
        sem=math.sqrt(math.fsum(row["sem"] ** 2 for row in rows)) / len(rows),
        by_model={row["model"]: row["importance"] for row in rows},
    )
