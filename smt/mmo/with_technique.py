"""A fleet's templates with a technique in them."""

from collections.abc import Mapping

from smt.template import Technique, Template, Theta


def with_technique(
    technique: Technique, theta: Theta, templates: Mapping[str, Template]
) -> dict[str, Template]:
    """Model -> template, with a technique at θ in those that it fits."""
    changed = {
        id(template): technique.apply(template, theta)
        for template in templates.values()
        if technique.applies_to(template)
    }
    return {model: changed.get(id(template), template) for model, template in templates.items()}


def try_technique(
    technique: Technique, theta: Theta, templates: Mapping[str, Template]
) -> dict[str, Template] | None:
    """The same; None where the technique cannot be applied at θ: its trial says why."""
    try:
        return with_technique(technique, theta, templates)
    except Exception:
        return None
