"""How models are instantiated."""

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator

from smt.capacity import NEUTRAL, Capacity
from smt.seeds import Seed
from smt.spec import Spec

CONFIRMING = 2
"""Evaluations of a tuning budget that confirm the best: its own, and the defaults'."""


class LaunchSettings(Spec):
    """How models are instantiated.

    Attributes:
        alpha: Percent; a model whose true Δ is likelier than not below -alpha is held back.
        capacity: Percent by which serving the fleet may become dearer, in FLOPs by traffic and in
            bytes; `free`: by any.
        seed: Of initial values.
        checkpoint_steps: From one checkpoint to the next, of a model of several workers.
        tune_evaluations: Networks that may be trained to choose a model's exposed hyperparameters,
            that of the defaults included; 0 keeps the defaults.
    """

    alpha: NonNegativeFloat = 0.05
    capacity: Capacity = NEUTRAL
    seed: Seed = 0
    checkpoint_steps: PositiveInt = 1000
    # Left out where 0, so that launches from before there was tuning can be resumed.
    tune_evaluations: NonNegativeInt = Field(default=0, exclude_if=lambda budget: budget == 0)

    @field_validator("tune_evaluations")
    @classmethod
    def _leaves_one_to_compare(cls, budget: int) -> int:
        least = 2 + CONFIRMING
        if 0 < budget < least:
            raise ValueError(
                f"{budget} leave nothing to compare the defaults with; give 0, or at least {least}"
            )
        return budget
