"""The templates, by name: each at its latest version."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import get_args

from smt.errors import InputError
from smt.spec import suggest
from smt.template.template import Paradigm, Scale, Template
from smt.template.versions import (
    TEMPLATES,
    Version,
    is_version,
    load_record,
    load_version,
    read_document,
    read_version,
)

# In Table 1's order.
names = tuple(f"{paradigm}_{scale}" for paradigm in get_args(Paradigm) for scale in get_args(Scale))
_latest = cache(load_version)


class _Catalogue(Mapping[str, Template]):
    """name -> the latest version; read when it is first asked for."""

    def __getitem__(self, name: str) -> Template:
        if name not in names:
            raise KeyError(name)
        return _latest(name)

    def __iter__(self) -> Iterator[str]:
        return iter(names)

    def __len__(self) -> int:
        return len(names)


catalogue: Mapping[str, Template] = _Catalogue()


def find_template(name: str, *, folder: str | Path = TEMPLATES) -> Template:
    """A template by `NAME` (its latest version), by `NAME@N`, or from a YAML file.

    The file, a path or URI, holds a template, or a version as `write_version` leaves it.

    Args:
        folder: Of the versions that are called by name, or its URI.

    Raises:
        InputError: There is none, or the file is wrong.
    """
    if name in names and folder == TEMPLATES:
        return catalogue[name]
    version = find_version(name, folder=folder)
    if version is None:
        return Template.parse(read_document(name), source=name)
    return version.template


def find_version(name: str, *, folder: str | Path = TEMPLATES) -> Version | None:
    """The version that `find_template` finds; None for a file that holds a template alone.

    Raises:
        InputError: There is none, or the file is wrong.
    """
    if is_file(name):
        return read_version(name) if is_version(read_document(name)) else None
    family, at, number = name.partition("@")
    if family not in names and folder == TEMPLATES:
        raise InputError(f"unknown template '{family}'; {suggest(family, list(names))}")
    if at and not number.isdecimal():
        raise InputError(f"template '{name}': a version is a number, as in '{family}@1'")
    return load_record(family, int(number) if at else None, folder=folder)


def find_parent(
    name: str, version: Version, *, folder: str | Path = TEMPLATES
) -> tuple[str, Template] | None:
    """A version's parent, called as the version was, from the folder that the version is in.

    Args:
        name: What found the version; the parent of a file is the file `vN.yaml` beside it.

    Raises:
        InputError: It is not there.
    """
    if version.parent is None:
        return None
    if not is_file(name):
        parent = load_record(version.name, version.parent, folder=folder)
        return f"{version.name}@{version.parent}", parent.template
    beside = f"{name[: name.rfind('/') + 1]}v{version.parent}.yaml"
    try:
        parent = read_version(beside)
    except InputError as error:
        raise InputError(
            f"{name}: its parent is version {version.parent} of '{version.name}', and {error}; say "
            "what to compare with: NAME@N, a file, or none"
        ) from None
    if (parent.name, parent.number) != (version.name, version.parent):
        raise InputError(
            f"{beside}: holds version {parent.number} of '{parent.name}', and the parent of "
            f"{name} is version {version.parent} of '{version.name}'"
        )
    return beside, parent.template


def is_file(name: str) -> bool:
    """Whether a template is called by a file, rather than by its name."""
    return name.endswith((".yaml", ".yml"))
