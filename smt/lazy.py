"""Packages whose names are imported when they are first asked for (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`: torch, Ray or SciPy is loaded by whoever uses it.

    Args:
        package: Its `__name__`.
        modules: Name -> the module that has it, which must not be called as the name is: an
            imported module takes its own name in its package.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(modules[name]), name)

    return get
