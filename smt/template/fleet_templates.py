"""The template of every model of a fleet: found, and held against the model's stage (Table 1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec, TemplateName, template_names
from smt.fleet.model_spec import Stage
from smt.template.catalogue import find_template, find_version, is_file
from smt.template.template import Paradigm, Template
from smt.template.versions import TEMPLATES

STAGES: dict[Paradigm, tuple[Stage, ...]] = {
    "sparsenn": ("ranking",),
    "decoupled_sparsenn": ("retrieval", "pre_ranking"),
}
"""Table 1: what a paradigm is for."""
DEFAULT = "sparsenn_small"
"""What models are built from where nobody says anything else."""
_TOWERS: dict[Paradigm, str] = {"sparsenn": "one tower", "decoupled_sparsenn": "two towers"}


@dataclass(frozen=True)
class FleetTemplates:
    """What every model of a fleet is built from.

    Attributes:
        names: Model -> what its template is called: NAME@N, or a file.
        templates: That name -> the template; in the order in which models come to them.
        remarks: Of models whose stage a template is not for, though it was asked for; sentences.
    """

    names: dict[str, str]
    templates: dict[str, Template] = field(repr=False)
    remarks: tuple[str, ...] = ()

    @classmethod
    def of_one(cls, template: Template, fleet: Fleet) -> "FleetTemplates":
        """All models are built from one template."""
        names = {model.name: template.name for model in fleet.models}
        return cls(names, {template.name: template})

    def of(self, model: ModelSpec) -> Template:
        """The model's."""
        return self.templates[self.names[model.name]]

    def change(self, part: str, **fields: Any) -> "FleetTemplates":
        """The same with fields of a part of every template changed, as `Template.change` does."""
        changed = {name: t.change(part, **fields) for name, t in self.templates.items()}
        return replace(self, templates=changed)


def find_fleet_templates(
    fleet: Fleet,
    asked: str | None = None,
    *,
    folder: str | Path = TEMPLATES,
) -> FleetTemplates:
    """Find what every model is built from.

    Args:
        asked: All are built from this one (NAME, NAME@N or a file), whatever the fleet says; where
            None each is from its own, or by the fleet's rules, or else from SparseNN Small.
        folder: Of the versions that are called by name, or its URI.

    Raises:
        InputError: There is no such template; the fleet's rules do not fit its models; by a rule a
            model of one stage would be built from a template for another; or a model sets a
            hyperparameter as its template does not let it.
    """
    assigned = {} if asked is not None else template_names(fleet)
    default = TemplateName(asked or DEFAULT, by_rule=False)
    of_models = {model.name: assigned.get(model.name, default) for model in fleet.models}
    numbered: dict[str, str] = {}
    for named, name in of_models.items():
        if name.name not in numbered:
            with _named_by(fleet.name, named, name, asked):
                numbered[name.name] = numbered_name(name.name, folder=folder)
    of_models = {
        named: replace(name, name=numbered[name.name]) for named, name in of_models.items()
    }
    templates = {
        name: find_template(name, folder=folder) for name in dict.fromkeys(numbered.values())
    }
    for model in fleet.models:
        templates[of_models[model.name].name].for_model(model)
    return FleetTemplates(
        names={named: name.name for named, name in of_models.items()},
        templates=templates,
        remarks=tuple(_misplaced(fleet, of_models, templates)),
    )


@contextmanager
def _named_by(fleet: str, model: str, name: TemplateName, asked: str | None) -> Iterator[None]:
    """Say who names a template that there is not, where the fleet does."""
    try:
        yield
    except InputError as error:
        if asked is not None or name.name == DEFAULT:
            raise
        by = f"by a rule, model '{model}'" if name.by_rule else f"model '{model}'"
        raise InputError(f"fleet '{fleet}': {by}: {error}") from None


def numbered_name(name: str, *, folder: str | Path = TEMPLATES) -> str:
    """NAME@N of a version that is called by name, so that it is the same one later.

    Raises:
        InputError: There is none.
    """
    version = None if is_file(name) else find_version(name, folder=folder)
    return name if version is None else f"{version.name}@{version.number}"


def _misplaced(
    fleet: Fleet, of_models: dict[str, TemplateName], templates: dict[str, Template]
) -> list[str]:
    """A remark a (template, stage) that do not fit. Raises `InputError` where a rule says so."""
    misplaced: dict[str, list[str]] = {}
    for model in fleet.models:
        name = of_models[model.name]
        paradigm = templates[name.name].paradigm
        if model.stage in STAGES[paradigm]:
            continue
        said = (
            f"{_words(model.stage)} models are built from '{name.name}', which has "
            f"{_TOWERS[paradigm]} and is for {' and '.join(map(_words, STAGES[paradigm]))}"
        )
        if name.by_rule:
            raise InputError(
                f"fleet '{fleet.name}': by a rule of 'templates' {said}; correct the rule, or name "
                f"the template in the entry of each such model ('{model.name}')"
            )
        misplaced.setdefault(said, []).append(model.name)
    return [
        f"{said}: {len(models)} of the {len(fleet.models)} models, '{models[0]}' the first"
        for said, models in misplaced.items()
    ]


def _words(stage: Stage) -> str:
    return stage.replace("_", "-")
