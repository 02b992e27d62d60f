"""A first frame of a fleet for a log, from its schema alone but for the surfaces that it has."""

from collections import Counter

from smt.data import Log, Schema
from smt.data.columns import SINGLE_ID_KINDS, IdList, Sequence, Surface
from smt.data.records import read_records
from smt.fleet.fleet_file import (
    ConstraintEntry,
    FleetFrame,
    StageEntry,
    SurfaceEntry,
)
from smt.fleet.model_spec import LogSource, Stage, TemplateRule

MOST_SURFACES = 8


def draft_frame(name: str, source: LogSource, log: Log) -> FleetFrame:
    """Stages, surfaces and data constraints for a log, to be edited.

    Ranking reads every feature. Where users and items have features of their own, there are
    pre-ranking, which reads no sequences, and retrieval, which reads ids and lists of them; both
    are built from two towers. Surfaces are all rows, and those of the commonest values of the
    schema's surface. Data constraints are none, and no features of users where every stage has
    features of the context left, which a tower may read in their place.
    """
    schema = log.schema
    stages = _stages(schema)
    rules = [TemplateRule(template="sparsenn_small", stages=("ranking",))]
    if len(stages) > 1:
        early: tuple[Stage, ...] = ("retrieval", "pre_ranking")
        rules.insert(0, TemplateRule(template="decoupled_sparsenn_small", stages=early))
    constraints = {"full": ConstraintEntry()}
    of_users = tuple(feature for feature in schema.features if schema.side_of(feature) == "user")
    if of_users and all(_left(schema, entry, of_users) for entry in stages.values()):
        constraints["no_user_features"] = ConstraintEntry(without=of_users)
    return FleetFrame(
        name=name,
        log=source,
        stages=stages,
        surfaces=_surfaces(log),
        data_constraints=constraints,
        templates=tuple(rules),
    )


def _stages(schema: Schema) -> dict[Stage, StageEntry]:
    features = schema.features
    ranking = StageEntry(features=features)
    sequences = schema.names(Sequence)
    light = schema.names(*SINGLE_ID_KINDS, IdList)
    narrow = tuple(feature for feature in features if feature in light)
    if not {"user", "item"} <= {schema.side_of(feature) for feature in narrow}:
        return {"ranking": ranking}
    middle = tuple(feature for feature in features if feature not in sequences)
    return {
        "retrieval": StageEntry(features=narrow),
        "pre_ranking": StageEntry(features=middle),
        "ranking": ranking,
    }


def _left(schema: Schema, entry: StageEntry, without: tuple[str, ...]) -> bool:
    left = {schema.side_of(feature) for feature in entry.features if feature not in without}
    return left == {"item", "context"}


def _surfaces(log: Log) -> dict[str, SurfaceEntry]:
    found = {"all": SurfaceEntry()}
    for column, kind in log.schema.of_kind(Surface).items():
        rows: Counter[int] = Counter()
        for record in read_records(log.train, [column], size=65_536):
            rows.update(record[column].to_pylist())
        if len(rows) > 1:
            for code, _ in rows.most_common(MOST_SURFACES):
                name = f"{column}_{code}" if kind.names is None else kind.names[code]
                found[name] = SurfaceEntry(filter={column: code})
    return found
