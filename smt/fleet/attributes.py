"""The six attributes of a model (§3.3.1), and how much each counts."""

from typing import Any

from pydantic import NonNegativeFloat, model_validator

from smt.fleet.model_spec import ModelSpec
from smt.spec import Spec


class AttributeWeights(Spec):
    """How much an attribute counts beside the others; 0 leaves it out.

    A model's squared distance to another is the weighted sum of the attributes' own.
    """

    stage: NonNegativeFloat = 1.0
    inference_flops: NonNegativeFloat = 1.0
    inference_hardware: NonNegativeFloat = 1.0
    event: NonNegativeFloat = 1.0
    surface: NonNegativeFloat = 1.0
    data_constraint: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _one_counts(self) -> "AttributeWeights":
        if not any(weight for _, weight in self):
            raise ValueError("all weights are zero; at least one attribute must count")
        return self


def attributes(model: ModelSpec) -> dict[str, Any]:
    """A model's own, by the names of `AttributeWeights`."""
    own = {**dict(model), "event": model.events[0]}
    return {name: own[name] for name in AttributeWeights.model_fields}
