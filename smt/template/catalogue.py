"""The templates, by name: each at its latest version."""

from collections.abc import Iterator, Mapping
from functools import cache

from smt.errors import InputError
from smt.spec import read_yaml, suggest
from smt.template.template import Template
from smt.template.versions import is_version, load_version, read_version

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
    if name.endswith((".yaml", ".yml")):
        return read_version(name).template if is_version(read_yaml(name)) else Template.load(name)
    family, number = split_version(name)
    return catalogue[family] if number is None else load_version(family, number)


def split_version(name: str) -> tuple[str, int | None]:
    """`NAME@N` as (NAME, N), and `NAME` as (NAME, None).

    Raises:
        InputError: N is no number, or no template has that name.
    """
    family, at, number = name.partition("@")
    if family not in names:
        raise InputError(f"unknown template '{family}'; {suggest(family, list(names))}")
    if at and not number.isdecimal():
        raise InputError(f"template '{name}': a version is a number, as in '{family}@1'")
    return family, int(number) if at else None


@cache
def _latest(name: str) -> Template:
    return load_version(name)
