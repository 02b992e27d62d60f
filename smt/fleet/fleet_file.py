"""The YAML of a fleet: what models share is written once, a model is one line.

name: shop
log: data/shop                      # a log folder, or {simulator: {rows: 500000}}
stages:                             # a stage names features, hardware and limits
  ranking: {features: [user_id, item_id], inference_hardware: gpu}
surfaces:                           # a surface keeps rows, may have a log and hardware of its own,
  feed: {filter: {surface: 1}, inference_hardware: {ranking: cpu}}
  help: {filter: {surface: 2}, hyperparameters: {training.table_rate: 0.1}}  # and values
data_constraints:                   # a constraint removes rows or features
  full: {}
  no_history: {without: [history]}
templates:                          # the first rule that fits: what a model is built from
- {template: sparsenn_large, stages: [ranking], least_weight: 2}
- {template: sparsenn_small, stages: [ranking]}
models:
- {name: a, stage: ranking, events: [click], surface: feed, data_constraint: full, weight: 3}
"""

import math
from pathlib import Path

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from smt.errors import InputError
from smt.fleet.incumbent import Incumbent
from smt.fleet.limits import ServingLimits
from smt.fleet.model_spec import (
    Fleet,
    Hardware,
    Hyperparameters,
    LogSource,
    ModelSpec,
    RowFilter,
    SimulatedLog,
    Stage,
    StoredLog,
    TemplateRule,
    Transforms,
)
from smt.spec import Spec, read_yaml, suggest
from smt.yaml_text import OneLine, format_yaml


class StageEntry(Spec):
    """What all models of one stage have in common."""

    features: tuple[str, ...] = Field(min_length=1)
    inference_hardware: Hardware = "cpu"
    limits: ServingLimits = ServingLimits()


class SurfaceEntry(Spec):
    """The rows of one surface, and what serves it.

    Attributes:
        log: Its own, in place of the fleet's.
        inference_hardware: Stage -> its own, in place of the stage's.
        hyperparameters: Values, for all its models that set no others, of what their templates
            expose.
    """

    filter: RowFilter = {}
    log: str | SimulatedLog | None = None
    inference_hardware: dict[Stage, Hardware] = {}
    hyperparameters: Hyperparameters = {}


class ConstraintEntry(Spec):
    """A data constraint: the rows that may be used, and the features that may not."""

    filter: RowFilter = {}
    without: tuple[str, ...] = ()


class ModelEntry(Spec):
    """One model, by reference to what its fleet file defines."""

    name: str = Field(min_length=1)
    stage: Stage
    events: tuple[str, ...] = Field(min_length=1)
    surface: str
    data_constraint: str
    hyperparameters: Hyperparameters = {}
    weight: NonNegativeFloat = 1.0
    template: str | None = None
    incumbent: Incumbent | None = None


class DraftRule(Spec):
    """Models that are drafted: of these events together, everywhere or only there.

    Attributes:
        stages, surfaces, data_constraints: All that the file has where empty.
        hyperparameters: The models' own values of what their templates expose.
    """

    events: tuple[str, ...] = Field(min_length=1)
    stages: tuple[Stage, ...] = ()
    surfaces: tuple[str, ...] = ()
    data_constraints: tuple[str, ...] = ()
    hyperparameters: Hyperparameters = {}


class DraftPlan(Spec):
    """How `draft_models` made the models of a file.

    Attributes:
        min_positives: Least positives (and negatives) of every event in a model's test window.
        traffic_exponent: Weights are 100 / rank^exponent; ranks are drawn, models of more rows
            first with a chance in proportion. None: thousands of rows in the test window.
        seed: Of the ranks.
        models: Each event of the log alone, everywhere, where empty.
    """

    min_positives: PositiveInt = 200
    traffic_exponent: PositiveFloat | None = None
    seed: NonNegativeInt = 0
    models: tuple[DraftRule, ...] = ()


class FleetFrame(Spec):
    """What the models of a fleet have in common, and how they may be drafted.

    Attributes:
        transforms: Features by name that are made of every log's columns, beside those that the
            logs' schemas declare.
    """

    name: str
    log: str | SimulatedLog
    transforms: Transforms = {}
    stages: dict[Stage, StageEntry]
    surfaces: dict[str, SurfaceEntry]
    data_constraints: dict[str, ConstraintEntry]
    templates: tuple[TemplateRule, ...] = ()
    draft: DraftPlan | None = None

    def log_of(self, surface: str) -> LogSource:
        """What models of a surface read, with the transforms."""
        log = self.surfaces[surface].log or self.log
        if not self.transforms:
            return log
        if isinstance(log, str):
            return StoredLog(folder=log, transforms=self.transforms)
        return log.model_copy(update={"transforms": {**self.transforms, **log.transforms}})


class FleetFile(FleetFrame):
    """The content of a fleet's YAML file."""

    models: tuple[ModelEntry, ...] = Field(min_length=1)

    def resolve(self, source: str) -> Fleet:
        """Every model in full. Raises `InputError` for a reference that leads nowhere."""
        models = tuple(self._model(entry, source) for entry in self.models)
        content = {"name": self.name, "templates": self.templates, "models": models}
        return Fleet.parse(content, source=source)

    def _model(self, entry: ModelEntry, source: str) -> ModelSpec:
        for what, name, known in (
            ("stages", entry.stage, [*map(str, self.stages)]),
            ("surfaces", entry.surface, [*self.surfaces]),
            ("data_constraints", entry.data_constraint, [*self.data_constraints]),
        ):
            if name not in known:
                tail = suggest(name, known)
                raise InputError(f"{source}: model '{entry.name}': '{name}' not in {what}; {tail}")
        stage = self.stages[entry.stage]
        surface = self.surfaces[entry.surface]
        constraint = self.data_constraints[entry.data_constraint]
        if overlap := set(surface.filter) & set(constraint.filter):
            raise InputError(
                f"{source}: model '{entry.name}': surface and data constraint both filter on "
                f"'{overlap.pop()}'; write one surface that holds both conditions"
            )
        own = {**surface.hyperparameters, **entry.hyperparameters}
        return ModelSpec(
            **{**dict(entry), "hyperparameters": own},
            inference_hardware=surface.inference_hardware.get(
                entry.stage, stage.inference_hardware
            ),
            log=self.log_of(entry.surface),
            filter={**surface.filter, **constraint.filter},
            features=tuple(name for name in stage.features if name not in constraint.without),
            limits=stage.limits,
        )


def load_fleet(path: str | Path, *, log: str | None = None) -> Fleet:
    """Read a fleet from its YAML file.

    Args:
        log: A log folder to use in place of the one that the file names; surfaces with logs of
            their own keep them.

    Raises:
        InputError: A key or a reference is wrong; the message names the file and the key.
    """
    fleet_file = FleetFile.load(path)
    if log is not None:
        fleet_file = fleet_file.model_copy(update={"log": log})
    return fleet_file.resolve(str(path))


def load_frame(path: str | Path) -> FleetFrame:
    """Read a fleet's YAML file but for its models, which it may lack. Raises `InputError`."""
    content = read_yaml(path)
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key != "models"}
    return FleetFrame.parse(content, source=str(path))


def fleet_text(fleet: FleetFile) -> str:
    """A fleet file for people: one model a line. It reads back as the same fleet."""
    document = fleet.model_dump(mode="json", exclude_defaults=True)
    if isinstance(document["log"], dict):
        document["log"] = OneLine(document["log"])
    # A kind is its class's default.
    made = {name: OneLine(kind.to_dict()) for name, kind in fleet.transforms.items()}
    if made:
        document["transforms"] = made
    rules = document.get("draft", {}).get("models", [])
    rules[:] = [OneLine(rule) for rule in rules]
    for group in ("stages", "surfaces", "data_constraints"):
        document[group] = {name: OneLine(entry) for name, entry in document[group].items()}
    for group in ("templates", "models"):
        if group in document:
            document[group] = [OneLine(entry) for entry in document[group]]
    return format_yaml(document, width=math.inf)
