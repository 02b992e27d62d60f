"""A technique: a named change of a template, with hyperparameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from smt.template.space import Space, Theta, check_theta
from smt.template.template import Template


@dataclass(frozen=True)
class Technique:
    """A candidate T_j: `apply(template, theta)` makes the template that has it.

    Attributes:
        name: How it is called in commands, columns and reports.
        part: The part of the template that it changes.
        space: Its hyperparameters.
        change: `(template, **theta) -> template`; validated templates in and out.
        source: Where it comes from.
    """

    name: str
    part: Literal["architecture", "features", "data", "training", "serving"]
    space: Space
    change: Callable[..., Template]
    source: str

    def apply(self, template: Template, theta: Mapping[str, object] | Theta) -> Template:
        """The template with this technique at θ.

        Raises:
            InputError: θ is not a point of the space.
        """
        check_theta(theta, self.space, f"technique '{self.name}'")
        return self.change(template, **theta)
