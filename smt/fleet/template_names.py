"""What every model of a fleet is built from, by name: its own, or as the fleet's rules say."""

from collections.abc import Iterator
from dataclasses import dataclass

from smt.errors import InputError
from smt.fleet.model_spec import Fleet, ModelSpec, TemplateRule


@dataclass(frozen=True)
class TemplateName:
    """What a model is built from.

    Attributes:
        name: NAME, or NAME@N.
        by_rule: A rule of the fleet says so, rather than the model itself.
    """

    name: str
    by_rule: bool


def template_names(fleet: Fleet) -> dict[str, TemplateName]:
    """Model -> its template's name; a model that has none, in a fleet without rules, is left out.

    Raises:
        InputError: A model fits no rule, or a rule is no model's first.
    """
    names = dict(_names(fleet))
    if not fleet.templates:
        return names
    left = [model for model in fleet.models if model.name not in names]
    if left:
        raise InputError(
            f"fleet '{fleet.name}': no rule of 'templates' fits {len(left)} of the "
            f"{len(fleet.models)} models, '{left[0].name}' ({_described(left[0])}) the first; add "
            "one, or name a template in the model's entry"
        )
    ruled = [model for model in fleet.models if model.template is None]
    used = [next(rule for rule in fleet.templates if rule.fits(model)) for model in ruled]
    for number, rule in enumerate(fleet.templates, 1):
        if all(rule is not other for other in used):
            raise InputError(f"fleet '{fleet.name}': {_unused(number, rule, fleet)}")
    return names


def _names(fleet: Fleet) -> Iterator[tuple[str, TemplateName]]:
    for model in fleet.models:
        if model.template is not None:
            yield model.name, TemplateName(model.template, by_rule=False)
            continue
        rule = next((rule for rule in fleet.templates if rule.fits(model)), None)
        if rule is not None:
            yield model.name, TemplateName(rule.template, by_rule=True)


def _unused(number: int, rule: TemplateRule, fleet: Fleet) -> str:
    said = f"rule {number} of 'templates' ({rule.template}) is no model's"
    if any(rule.fits(model) for model in fleet.models):
        return f"{said}: rules before it, or models' own, take all that it fits; move or remove it"
    return f"{said}: none is as it says; correct or remove it"


def _described(model: ModelSpec) -> str:
    limit = model.limits.flops
    budget = "no limit of FLOPs" if limit is None else f"at most {limit:,} FLOPs"
    return f"{model.stage}, {budget}, weight {model.weight:g}"
