"""Packages whose names are imported when they are first asked for (PEP 562)."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """A package's `__getattr__`: torch, Ray or SciPy is loaded by whoever uses it.

    Args:
        package: Its `__name__`.
        modules: Module -> the names that it has. None of them may be a module's of the package: an
            imported module takes its own name in its package.
    """
    home = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(home[name]), name)

    return get
