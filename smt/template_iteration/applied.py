"""Techniques with their θ, applied one after the other."""

from collections.abc import Sequence

from smt.errors import InputError
from smt.template import Technique, Template, Theta

Applied = tuple[Technique, Theta]


def apply_techniques(chosen: Sequence[Applied], template: Template) -> Template:
    """The template with all, in order. Raises `InputError`, naming one that cannot be applied."""
    for technique, theta in chosen:
        try:
            template = technique.apply(template, theta)
        except InputError as error:
            raise InputError(
                f"technique '{technique.name}' cannot be integrated: {error}"
            ) from None
    return template
