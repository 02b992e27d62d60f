"""Which features a fleet's models rely on: settings, ranking and files of a measurement."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import PositiveInt

from smt.errors import InputError
from smt.fleet import Fleet
from smt.results.folder import Result, write_result
from smt.seeds import Seed
from smt.spec import Spec
from smt.storage import Folder
from smt.template import FleetTemplates, Template
from smt.template.features import FeatureType

IMPORTANCE, GRADIENT = "importance.parquet", "gradient.parquet"

Method = Literal["permutation", "gradient"]


class ImportanceSettings(Spec):
    """How importance is measured.

    Attributes:
        method: `both` keeps gradients in a table of their own, because a template's
            selection takes the mean over all rows of a table.
        repeats: Permutations a feature.
        rows: That are measured, spread evenly over those held out; all of these where None.
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


class RankedFeature(Spec):
    """A feature's mean importance over the models that read it, percent of NE.

    Attributes:
        sem: Standard error that the measured rows leave; not that of other models or seeds.
        by_model: Model -> importance.
    """

    feature: str
    importance: float
    sem: float
    by_model: dict[str, float]


class MeasuredModel(Spec):
    """A model whose features were measured.

    Attributes:
        ne: With all features in place, on the measured rows.
    """

    model: str
    events: tuple[str, ...]
    ne: float
    rows: int


Ranking = dict[FeatureType, tuple[RankedFeature, ...]]


class ImportanceResult(Result):
    """What features are worth.

    Attributes:
        templates: Those that the models are built from, as a person calls them.
        model_templates: Measured model -> that name.
        failures: Model -> why it could not be measured.
        ranking: By method, the one that selections use first: features of each type, the most
            important first.
    """

    kind: Literal["measurement of importance"] = "measurement of importance"
    format: Literal[2] = 2
    fleet: str
    templates: dict[str, Template]
    model_templates: dict[str, str]
    settings: ImportanceSettings
    models: tuple[MeasuredModel, ...]
    failures: dict[str, str]
    ranking: dict[Method, Ranking]


def save_importance(
    measured: Sequence[Measured],
    fleet: Fleet,
    templates: FleetTemplates,
    settings: ImportanceSettings,
    folder: Folder,
) -> ImportanceResult:
    """Write what the models came to.

    `importance.parquet` has a row for every feature and model, and where both methods are
    used `gradient.parquet` has the second one's; `result.json` has no times.

    Raises:
        InputError: No model could be measured.
    """
    failures = {model.model: model.failure for model in measured if model.failure is not None}
    tables = [model.table for model in measured if model.table is not None]
    if not tables:
        raise InputError("; ".join(f"model '{name}': {why}" for name, why in failures.items()))
    ranking = {}
    for method, file in zip(settings.methods, (IMPORTANCE, GRADIENT), strict=False):
        table = pa.concat_tables(tables).filter(pc.field("method") == method)
        folder.write_table(file, table)
        ranking[method] = rank_features(table)
    names = {model.model: templates.names[model.model] for model in measured}
    result = ImportanceResult(
        fleet=fleet.name,
        templates={name: templates.templates[name] for name in dict.fromkeys(names.values())},
        model_templates=names,
        settings=settings,
        models=tuple(
            MeasuredModel(**{name: table[name][0].as_py() for name in MeasuredModel.model_fields})
            for table in tables
        ),
        failures=failures,
        ranking=ranking,
    )
    write_result(folder, result)
    return result


def rank_features(table: pa.Table) -> Ranking:
    """Features of each type, most important first, from the rows of one method."""
    rows_of: dict[FeatureType, dict[str, list[dict[str, Any]]]] = {
        kind: defaultdict(list) for kind in get_args(FeatureType)
    }
    for row in table.to_pylist():
        rows_of[row["type"]][row["feature"]].append(row)
    return {
        kind: tuple(
            sorted(
                (_ranked(name, rows) for name, rows in features.items()),
                key=lambda ranked: -ranked.importance,
            )
        )
        for kind, features in rows_of.items()
        if features
    }


def _ranked(name: str, rows: list[dict[str, Any]]) -> RankedFeature:
    return RankedFeature(
        feature=name,
        importance=math.fsum(row["importance"] for row in rows) / len(rows),
        sem=math.sqrt(math.fsum(row["sem"] ** 2 for row in rows)) / len(rows),
        by_model={row["model"]: row["importance"] for row in rows},
    )
