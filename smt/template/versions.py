"""Template versions: `<name>/v<N>.yaml` files, each written once and never changed."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from smt.errors import InputError
from smt.fleet.budget import Growth
from smt.spec import LEFT_OUT_IF_NONE, Spec, UnitInterval, decode_yaml, digest, read_yaml, suggest
from smt.storage import Folder
from smt.template.template import Template
from smt.yaml_text import format_yaml, parse_yaml

TEMPLATES = Path(__file__).parent / "templates"


class AppliedTechnique(Spec):
    """A technique at the θ with which it was integrated.

    Attributes:
        exposed: Hyperparameters of which θ is the default alone: models may set them
            (`Template.exposed` says where).
    """

    name: str
    theta: dict[str, bool | int | float | str] = {}
    exposed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_what_it_exposes(self) -> "AppliedTechnique":
        for name in self.exposed:
            if name not in self.theta:
                raise ValueError(f"'{name}' is exposed, but technique '{self.name}' has none")
        return self


class TechniqueNumbers(Spec):
    """μ, R and A* of a technique over a run's representatives; A* is None where infeasible."""

    mean: float
    regression_rate: UnitInterval
    value: float | None


class RunRecord(Spec):
    """The run that chose a version's techniques.

    Attributes:
        representatives: Names of the models on which techniques were tried.
        trials: θ tried a technique.
        techniques: technique -> what it reached, those that were not integrated included.
        command: What was typed.
    """

    fleet: str
    representatives: tuple[str, ...] = Field(min_length=1)
    trials: PositiveInt
    seed: int
    techniques: dict[str, TechniqueNumbers]
    command: str


class BackTest(Spec):
    """A version against its parent, on models of a fleet.

    Attributes:
        mean: μ, percent.
        deltas: model -> Δ, percent.
        growth: Of what serving the whole fleet costs; None of versions from before it counted.
    """

    fleet: str
    models: PositiveInt
    mean: float
    regression_rate: UnitInterval
    deltas: dict[str, float] | None = None
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    growth: Growth | None = LEFT_OUT_IF_NONE
    command: str


class Version(Spec):
    """One version of a template in full, and why it is as it is.

    Attributes:
        parent: Version that it was made from.
        techniques: What made it from its parent.
        run: The run that justified them.
        backtest: What they did together.
        written: Date, as 2026-01-31.
    """

    name: str
    number: PositiveInt
    parent: PositiveInt | None = None
    techniques: tuple[AppliedTechnique, ...] = ()
    run: RunRecord | None = None
    backtest: BackTest | None = None
    written: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    notes: str = ""
    template: Template

    @model_validator(mode="after")
    def _parts_fit(self) -> "Version":
        if self.template.name != self.name:
            raise ValueError(f"template is named '{self.template.name}', not '{self.name}'")
        if self.parent is not None and self.parent >= self.number:
            raise ValueError(f"parent {self.parent} is not before version {self.number}")
        if self.techniques and self.parent is None:
            raise ValueError("techniques change a parent, but parent is none")
        return self


def version_numbers(name: str, *, folder: str | Path = TEMPLATES) -> tuple[int, ...]:
    """The versions of a template, in order.

    Args:
        folder: Of templates' versions, or its URI.

    Raises:
        InputError: There is no such template.
    """
    registry = Folder(folder)
    numbers = _numbers(registry, name)
    if not numbers:
        known = [other for other in registry.subfolders() if _numbers(registry, other)]
        raise InputError(f"unknown template '{name}'; {suggest(name, known)}")
    return numbers


def load_version(
    name: str, number: int | None = None, *, folder: str | Path = TEMPLATES
) -> Template:
    """The template as a version has it, or as the latest one has it.

    Args:
        name: Of the template, or FOLDER/NAME where its versions are in a folder (or URI) elsewhere.

    Raises:
        InputError: There is no such template or version, or its file was changed.
    """
    elsewhere, _, name = name.rpartition("/")
    return load_record(name, number, folder=elsewhere or folder).template


def load_record(name: str, number: int | None = None, *, folder: str | Path = TEMPLATES) -> Version:
    """A version with its parent, techniques and numbers. Raises `InputError`."""
    numbers = version_numbers(name, folder=folder)
    if number is None:
        number = numbers[-1]
    if number not in numbers:
        known = ", ".join(map(str, numbers))
        raise InputError(f"template '{name}' has no version {number}; its versions: {known}")
    path = Folder(folder).path(_file(name, number))
    version = read_version(path)
    if (version.name, version.number) != (name, number):
        raise InputError(f"{path}: holds version {version.number} of '{version.name}'")
    return version


def history(name: str, *, folder: str | Path = TEMPLATES) -> tuple[Version, ...]:
    """All versions of a template, in order. Raises `InputError`."""
    numbers = version_numbers(name, folder=folder)
    return tuple(load_record(name, number, folder=folder) for number in numbers)


def read_version(path: str | Path) -> Version:
    """Read a version's file.

    The hash is of what the file says, not of the spec: a field that specs get later
    leaves the hashes of older files as they were.

    Raises:
        InputError: The file was changed after it was written, or is no version.
    """
    document = read_document(path)
    if not is_version(document):
        raise InputError(f"{path}: not a template version; it needs 'template' and 'digest'")
    written = document.pop("digest")
    actual = _content_hash(document)
    if actual != written:
        raise InputError(
            f"{path} was changed after it was written (its content hash is {actual}, the file "
            f"says {written}); restore it and write a new version instead"
        )
    return Version.parse(document, source=str(path))


def read_document(location: str | Path) -> Any:
    """What a YAML file holds, by path or URI. Raises `InputError`."""
    source = str(location)
    if "://" not in source:
        return read_yaml(location)
    root, _, name = source.rpartition("/")
    folder = Folder(root)
    if not folder.exists(name):
        raise InputError(f"{source}: no such file")
    return decode_yaml(folder.read(name), source=source)


def is_version(document: object) -> bool:
    """Whether a file's content is a version, rather than a template alone."""
    return isinstance(document, dict) and "template" in document and "digest" in document


def write_version(version: Version, folder: str | Path = TEMPLATES) -> str:
    """Write a new version, with its content hash.

    Args:
        folder: Of templates' versions, or its URI.

    Returns:
        The path or URI of its file.

    Raises:
        InputError: It is not the next version, or its parent does not exist.
        StoppedError: The folder does not take it.
    """
    registry = Folder(folder)
    numbers = _numbers(registry, version.name)
    following = max(numbers, default=0) + 1
    if version.number != following:
        raise InputError(
            f"template '{version.name}': version {version.number} cannot be written; "
            f"the next one is {following}"
        )
    if version.parent is not None and version.parent not in numbers:
        raise InputError(f"template '{version.name}': parent {version.parent} does not exist")
    text = format_yaml(version.to_dict())
    text += f"digest: '{_content_hash(parse_yaml(text))}'\n"
    file = _file(version.name, version.number)
    registry.create(file, text.encode())
    return registry.path(file)


def _content_hash(document: Any) -> str:
    try:
        return digest(document)
    except TypeError:
        # Keys of several kinds: YAML that a person wrote, and `write_version` never does.
        return "that of no plain data"


def _file(name: str, number: int) -> str:
    return f"{name}/v{number}.yaml"


def _numbers(registry: Folder, name: str) -> tuple[int, ...]:
    files = registry.list(name, ".yaml", recursive=False)
    stems = [file.removeprefix(f"{name}/v").removesuffix(".yaml") for file in files]
    return tuple(sorted(int(stem) for stem in stems if stem.isdecimal()))
