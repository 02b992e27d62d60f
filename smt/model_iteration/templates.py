"""Which templates a fleet is instantiated from, and which ones those are compared with."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smt.errors import InputError
from smt.fleet import Fleet, ModelSpec, template_names
from smt.fleet.incumbent import Outside
from smt.fleet.template_names import TemplateName
from smt.storage import Folder
from smt.template import Template, find_template
from smt.template.catalogue import find_parent, find_version, is_file
from smt.template.fleet_templates import DEFAULT, find_fleet_templates, numbered_name
from smt.template.versions import TEMPLATES

NOTHING = "none"


@dataclass(frozen=True)
class Launch:
    """A template that models are made from.

    Attributes:
        name: As a person calls it: `sparsenn_small@2`, or a file.
        version: Its number; None for a file that holds a template alone.
        baseline: The template that they are compared with; None: with none.
        baseline_name: What they are compared with, as a person calls it; None: with nothing.
        incumbent: What they are compared with in place of a template.
    """

    template: Template
    name: str
    version: int | None
    baseline: Template | None
    baseline_name: str | None
    incumbent: Outside | None = None

    @property
    def change(self) -> tuple[str, str | None]:
        """From what to what its models go; of what is made elsewhere every model has its own."""
        return self.name, "elsewhere" if self.incumbent is not None else self.baseline_name


@dataclass(frozen=True)
class FleetLaunch:
    """What every model of a fleet is made from.

    Attributes:
        of: Model -> its template.
        remarks: Of models whose stage a template is not for; sentences.
    """

    of: dict[str, Launch]
    remarks: tuple[str, ...] = ()

    @property
    def templates(self) -> tuple[Launch, ...]:
        """Those that differ by what is compared, in the order in which models come to them."""
        pairs = {(launch.name, launch.baseline_name): launch for launch in self.of.values()}
        return tuple(pairs.values())


def launch_fleet(
    fleet: Fleet,
    asked: str | None = None,
    *,
    version: int | None = None,
    baseline: str | None = None,
    folder: str | Path = TEMPLATES,
    **options: Any,
) -> FleetLaunch:
    """Find what every model of a fleet is made from, and what it is compared with.

    Args:
        asked: All are made from this one; where None each is from its own, or by the fleet's
            rules, or else from SparseNN Small.
        version: Of the template that is asked for.
        baseline: What all models are compared with, or `none`; where None each is with its
            incumbent, or else its version's parent.
        options: As `launch_templates` takes them, for every template alike.

    Raises:
        InputError: As `find_fleet_templates` and `launch_templates`.
    """
    if version is not None and asked is None and template_names(fleet):
        raise InputError(
            f"version {version} is of no template: fleet '{fleet.name}' names its own; pin them "
            "there, as in NAME@N, or say which template all models are made from"
        )
    if version is not None:
        asked = launch_templates(asked or DEFAULT, version=version, folder=folder).name
    found = find_fleet_templates(fleet, asked, folder=folder)
    outside = {
        model.name: model.incumbent
        for model in fleet.models
        if baseline is None and isinstance(model.incumbent, Outside)
    }
    by_rule = template_names(fleet) if asked is None else {}
    compared = {
        model.name: (
            found.names[model.name],
            NOTHING
            if model.name in outside
            else baseline or _incumbent(model, by_rule.get(model.name)),
        )
        for model in fleet.models
    }
    launches: dict[tuple[str, str | None], Launch] = {}
    for model, (name, before) in compared.items():
        if (name, before) not in launches:
            try:
                launched = launch_templates(name, baseline=before, folder=folder, **options)
            except InputError as error:
                if baseline is not None or before is None:
                    raise
                raise InputError(f"the incumbent of model '{model}': {error}") from None
            launches[name, before] = launched
    of = {model: launches[pair] for model, pair in compared.items()}
    for model, incumbent in outside.items():
        of[model] = replace(of[model], baseline_name=incumbent.named, incumbent=incumbent)
    return FleetLaunch(of, found.remarks)


def _incumbent(model: ModelSpec, named: TemplateName | None) -> str | None:
    """The template that it runs today, as it says itself, or else its rule."""
    if isinstance(model.incumbent, str):
        return model.incumbent
    return None if named is None else named.incumbent


def launch_templates(
    name: str,
    *,
    version: int | None = None,
    baseline: str | None = None,
    train_rows: int | None = None,
    workers: int | None = None,
    strategy: str | None = None,
    tables: str | None = None,
    folder: str | Path = TEMPLATES,
) -> Launch:
    """Find both templates.

    Args:
        name: As `find_template` takes it; with a `version`, without one of its own.
        baseline: The same, or `none`; the version's parent, from the folder that the version is
            in, where None.
        train_rows: Both train on the latest so many rows only.
        workers, strategy, tables: Of the template alone: how many train together, and how they
            share its dense part and its tables; as it says where None.
        folder: Of the versions that are called by name, or its URI; the package's own by default.
            Where it has the version that a template names as its teacher, that one teaches.

    Raises:
        InputError: There is no such template, version or strategy; or a version's parent is not
            where the version is.
    """
    exact = "@" in name or is_file(name)
    if version is not None:
        if exact:
            raise InputError(f"template '{name}' and version {version}: give one of them")
        name = f"{name}@{version}"
    launched = find_version(name, folder=folder)
    if launched is not None and not exact:
        name = f"{launched.name}@{launched.number}"
    compared: tuple[str, Template] | None = None
    if baseline is None and launched is not None:
        compared = find_parent(name, launched, folder=folder)
    elif baseline not in (None, NOTHING):
        before = numbered_name(str(baseline), folder=folder)
        compared = before, find_template(before, folder=folder)
    template = _taught(_shortened(find_template(name, folder=folder), train_rows), folder)
    # Both are judged as the one that is launched: older versions say nothing of it.
    judge = {key: getattr(template.training, key) for key in ("judge", "judge_share")}
    return Launch(
        template=_spread(template, workers, strategy, tables),
        name=name,
        version=None if launched is None else launched.number,
        baseline=None
        if compared is None
        else _taught(_shortened(compared[1], train_rows).change("training", **judge), folder),
        baseline_name=None if compared is None else compared[0],
    )


def _shortened(template: Template, train_rows: int | None) -> Template:
    return template if train_rows is None else template.change("data", train_rows=train_rows)


def _taught(template: Template, folder: str | Path) -> Template:
    """With its teacher from this folder, where that has it."""
    spec, versions = template.data.distillation, Folder(folder)
    if spec is None or folder == TEMPLATES:
        return template
    if not versions.exists(f"{spec.teacher}/v{spec.version}.yaml"):
        return template
    own = spec.model_copy(update={"teacher": versions.address(spec.teacher)})
    return template.change("data", distillation=own)


def _spread(
    template: Template, workers: int | None, strategy: str | None, tables: str | None
) -> Template:
    training = template.training
    asked = {"dense": strategy, "tables": tables}
    distribution = {
        **training.distribution.to_dict(),
        **{part: name for part, name in asked.items() if name is not None},
    }
    count = training.workers if workers is None else workers
    return template.change("training", workers=count, distribution=distribution)
