"""What techniques do to what serving a fleet costs: known before anything is trained."""

from collections.abc import Mapping

from smt.fleet.budget import Growth
from smt.template import Technique, Template, Theta
from smt.template.serving_budget import ServingBudget


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


def refusal(
    technique: Technique, theta: Theta, templates: Mapping[str, Template], budget: ServingBudget
) -> str | None:
    """Why serving the fleet would cost too much with a technique at θ, or None.

    Args:
        templates: Model -> what it is built from, of the whole fleet.
    """
    changed = _changed(technique, theta, templates)
    return None if changed is None else budget.refusal(changed)


def growth(
    technique: Technique, theta: Theta, templates: Mapping[str, Template], budget: ServingBudget
) -> Growth | None:
    """By how much serving the fleet becomes dearer; None where θ cannot be applied."""
    changed = _changed(technique, theta, templates)
    return None if changed is None else budget.growth(changed)


def _changed(
    technique: Technique, theta: Theta, templates: Mapping[str, Template]
) -> dict[str, Template] | None:
    """None where the technique cannot be applied at θ: its trial says why."""
    try:
        return with_technique(technique, theta, templates)
    except Exception:
        return None
