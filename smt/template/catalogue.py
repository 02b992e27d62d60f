"""The templates, by name: each at its latest version."""

from collections.abc import Iterator, Mapping
from functools import cache

from smt.errors import InputError
from smt.spec import read_yaml, suggest
from smt.template.template import Template
from smt.template.versions import Version, is_version, load_record, load_version, read_version

# In Table 1's order.
names = (
    "sparsenn_small",
    "sparsenn_medium",
    "sparsenn_large",
    "decoupled_sparsenn_small",
    "decoupled_sparsenn_medium",
    "decoupled_sparsenn_large",
)


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


def find_template(name: str) -> Template:
    """A template by `NAME` (its latest version), by `NAME@N`, or from a YAML file.

    The file holds a template, or a version as `write_version` leaves it.

    Raises:
        InputError: There is none, or the file is wrong.
    """
    if name in names:
        return catalogue[name]
    version = find_version(name)
    return Template.load(name) if version is None else version.template


def find_version(name: str) -> Version | None:
    """The version that `find_template` finds; None for a file that holds a template alone.

    Raises:
        InputError: There is none, or the file is wrong.
    """
    if name.endswith((".yaml", ".yml")):
        return read_version(name) if is_version(read_yaml(name)) else None
    family, at, number = name.partition("@")
    if family not in names:
        raise InputError(f"unknown template '{family}'; {suggest(family, list(names))}")
    if at and not number.isdecimal():
        raise InputError(f"template '{name}': a version is a number, as in '{family}@1'")
    return load_record(family, int(number) if at else None)


@cache
def _latest(name: str) -> Template:
    return load_version(name)
