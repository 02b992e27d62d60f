"""What every model of a fleet is built from, by name: its own, or as the fleet's rules say."""

from collections.abc import Mapping
from dataclasses import dataclass

from smt.errors import InputError
from smt.fleet.model_spec import Fleet, ModelSpec, TemplateRule


@dataclass(frozen=True)
class TemplateName:
    """What a model is built from.

    Attributes:
        name: NAME, or NAME@N.
        by_rule: A rule of the fleet says so, rather than the model itself.
        incumbent: What the rule says that it runs today, called likewise.
    """

    name: str
    by_rule: bool
    incumbent: str | None = None


def template_names(fleet: Fleet) -> dict[str, TemplateName]:
    """Model -> its template's name; a model that has none, in a fleet without rules, is left out.

    Raises:
        InputError: A model fits no rule, or a rule is no model's first.
    """
    first = {
        model.name: next((rule for rule in fleet.templates if rule.fits(model)), None)
        for model in fleet.models
        if model.template is None
    }
    if fleet.templates:
        _check_rules(fleet, first)
    names = {}
    for model in fleet.models:
        rule = first.get(model.name)
        if model.template is not None:
            names[model.name] = TemplateName(model.template, by_rule=False)
        elif rule is not None:
            names[model.name] = TemplateName(rule.template, True, rule.incumbent)
    return names


def _check_rules(fleet: Fleet, first: Mapping[str, TemplateRule | None]) -> None:
    """Raise `InputError` as `template_names`; `first` is the rule of each model without its own."""
    left = [model for model in fleet.models if model.name in first and first[model.name] is None]
    if left:
        raise InputError(
            f"fleet '{fleet.name}': no rule of 'templates' fits {len(left)} of the "
            f"{len(fleet.models)} models, '{left[0].name}' ({_described(left[0])}) the first; add "
            "one, or name a template in the model's entry"
        )
    used = {id(rule) for rule in first.values()}
    for number, rule in enumerate(fleet.templates, 1):
        if id(rule) not in used:
            raise InputError(f"fleet '{fleet.name}': {_unused(number, rule, fleet)}")


def _unused(number: int, rule: TemplateRule, fleet: Fleet) -> str:
    said = f"rule {number} of 'templates' ({rule.template}) is no model's"
    if any(rule.fits(model) for model in fleet.models):
        return f"{said}: rules before it, or models' own, take all that it fits; move or remove it"
    return f"{said}: none is as it says; correct or remove it"


def _described(model: ModelSpec) -> str:
    limit = model.limits.flops
    budget = "no limit of FLOPs" if limit is None else f"at most {limit:,} FLOPs"
    events = f"{len(model.events)} event" + "s" * (len(model.events) > 1)
    return f"{model.stage}, {budget}, weight {model.weight:g}, {events}"
