"""The techniques: `catalogue` has them by name, and `find_technique` users' own as well."""

from typing import TYPE_CHECKING

from smt.lazy import lazy_names

if TYPE_CHECKING:
    from smt.techniques.listing import catalogue, find_technique

__all__ = ["catalogue", "find_technique"]

__getattr__ = lazy_names(__name__, {"smt.techniques.listing": __all__})
