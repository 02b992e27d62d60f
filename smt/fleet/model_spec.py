"""One member of the fleet, the rules for what members are built from, and the fleet."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from smt.data.columns import Bucket, Cross
from smt.data.filter import Range
from smt.data.simulator import SimulatorSpec
from smt.errors import InputError
from smt.fleet.incumbent import Incumbent
from smt.fleet.limits import ServingLimits
from smt.spec import LEFT_OUT_IF_NONE, Spec, suggest

Stage = Literal["retrieval", "pre_ranking", "ranking"]
Hardware = Literal["cpu", "gpu", "accelerator"]
# Digests of fleets and models that say nothing of templates stay what they were.
_LEFT_OUT_IF_EMPTY: Any = Field(default=(), exclude_if=lambda value: not value)

RowFilter = dict[str, int | float | tuple[int | float, ...] | Range]

Hyperparameters = dict[str, bool | int | float | str]
"""Place in a template -> a value; only of places that the template exposes."""

Transforms = dict[str, Annotated[Cross | Bucket, Field(discriminator="kind")]]


class SimulatedLog(Spec):
    """A log that the simulator makes when it is needed, instead of a path.

    Attributes:
        transforms: Features by name that are made of its columns, as a schema declares them.
    """

    simulator: SimulatorSpec
    transforms: Transforms = Field(default={}, exclude_if=lambda value: not value)


class StoredLog(Spec):
    """A log folder (or URI) with features that its schema does not have.

    Attributes:
        transforms: As of `SimulatedLog`.
    """

    folder: str
    transforms: Transforms


LogSource = str | StoredLog | SimulatedLog


class ModelSpec(Spec):
    """One model of the fleet: six attributes (§3.3.1 of the paper), and its own inputs.

    Attributes:
        stage, inference_flops, inference_hardware, events, surface, data_constraint:
            the six attributes. `inference_flops` (an example) is counted from the network
            that a template builds, never typed in; None until then. Where a model has
            several events, the first is its optimisation event.
        log: Folder (or URI) of its log, or a simulator; with transforms, if any are declared.
        filter: Rows of the log that are the model's.
        features: Columns that it may read.
        hyperparameters: Its own values of hyperparameters that its template exposes.
        weight: Its traffic, on any scale.
        event_rates: How often each of its events happens in its rows of the training window;
            counted, never typed in; None until then.
        template: What it is built from, whatever the fleet's rules say: NAME, the latest version in
            use, or NAME@N, which pins it.
        incumbent: What it runs today, a template called likewise, a network that was launched or
            predictions made elsewhere: launches compare it with that in place of its version's
            parent.
    """

    name: str = Field(min_length=1)
    stage: Stage
    inference_hardware: Hardware = "cpu"
    events: tuple[str, ...] = Field(min_length=1)
    surface: str
    data_constraint: str
    log: LogSource
    filter: RowFilter = {}
    features: tuple[str, ...] = Field(min_length=1)
    limits: ServingLimits = ServingLimits()
    hyperparameters: Hyperparameters = {}
    weight: NonNegativeFloat = 1.0
    inference_flops: PositiveInt | None = None
    event_rates: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = LEFT_OUT_IF_NONE
    template: str | None = LEFT_OUT_IF_NONE
    incumbent: Incumbent | None = LEFT_OUT_IF_NONE


class TemplateRule(Spec):
    """Which models are built from a template.

    Attributes:
        template: NAME, the latest version in use, or NAME@N.
        stages: Theirs; all where empty.
        least_flops: Their limit of FLOPs is at least this, or they have none.
        least_weight: Their traffic is at least this.
        least_events: They have at least so many events.
        incumbent: What they run today, a template called likewise, where a model says nothing else.
    """

    template: str = Field(min_length=1)
    stages: tuple[Stage, ...] = ()
    least_flops: PositiveInt | None = None
    least_weight: PositiveFloat | None = None
    # Digests of fleets whose rules do not say it stay what they were.
    least_events: PositiveInt | None = LEFT_OUT_IF_NONE
    incumbent: str | None = LEFT_OUT_IF_NONE

    def fits(self, model: ModelSpec) -> bool:
        """Whether a model is as the rule says."""
        limit = model.limits.flops
        return (
            (not self.stages or model.stage in self.stages)
            and (self.least_flops is None or limit is None or limit >= self.least_flops)
            and (self.least_weight is None or model.weight >= self.least_weight)
            and (self.least_events is None or len(model.events) >= self.least_events)
        )


class Fleet(Spec):
    """The models that one platform team runs.

    Attributes:
        templates: The first rule that fits a model says what it is built from.
    """

    name: str
    templates: tuple[TemplateRule, ...] = _LEFT_OUT_IF_EMPTY
    models: tuple[ModelSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Fleet":
        seen = set()
        for model in self.models:
            if model.name in seen:
                raise ValueError(f"two models are named '{model.name}'")
            seen.add(model.name)
        return self

    @model_validator(mode="after")
    def _some_weight(self) -> "Fleet":
        if not any(model.weight for model in self.models):
            raise ValueError("all weights are zero; at least one model must have traffic")
        return self


def choose_models(fleet: Fleet, names: Sequence[str]) -> tuple[ModelSpec, ...]:
    """Models of a fleet by name. Raises `InputError` for one that it lacks."""
    models = {model.name: model for model in fleet.models}
    for name in names:
        if name not in models:
            raise InputError(
                f"fleet '{fleet.name}' has no model '{name}'; {suggest(name, [*models])}"
            )
    return tuple(models[name] for name in dict.fromkeys(names))
