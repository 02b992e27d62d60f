"""A model of a fleet for tests that do not look at its attributes."""

from typing import Any

from smt.fleet import ModelSpec


def made_model(name: str, **attributes: Any) -> ModelSpec:
    """A ranking model of clicks with one feature, unless the attributes say otherwise."""
    return ModelSpec(
        **{
            "name": name,
            "stage": "ranking",
            "events": ("click",),
            "surface": "all",
            "data_constraint": "full",
            "log": "log",
            "features": ("user",),
            **attributes,
        }
    )
