"""One member of the fleet, and the fleet."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from smt.data.filter import Range
from smt.data.simulator import SimulatorSpec
from smt.errors import InputError
from smt.fleet.limits import ServingLimits
from smt.spec import Spec, suggest

Stage = Literal["retrieval", "pre_ranking", "ranking"]
Hardware = Literal["cpu", "gpu", "accelerator"]
RowFilter = dict[str, int | float | tuple[int | float, ...] | Range]


class SimulatedLog(Spec):
    """A log that the simulator makes when it is needed, instead of a path."""

    simulator: SimulatorSpec


LogSource = str | SimulatedLog


class ModelSpec(Spec):
    """One model of the fleet: six attributes (§3.3.1 of the paper), and its own inputs.

    Attributes:
        stage, inference_flops, inference_hardware, events, surface, data_constraint:
            the six attributes. `inference_flops` (an example) is counted from the network
            that a template builds, never typed in; None until then. Where a model has
            several events, the first is its optimisation event.
        log: Folder (or URI) of its log, or a simulator.
        filter: Rows of the log that are the model's.
        features: Columns that it may read.
        hyperparameters: Its own values of hyperparameters that its template exposes.
        weight: Its traffic, on any scale.
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
    hyperparameters: dict[str, bool | int | float | str] = {}
    weight: NonNegativeFloat = 1.0
    inference_flops: PositiveInt | None = None


class Fleet(Spec):
    """The models that one platform team runs."""

    name: str
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
