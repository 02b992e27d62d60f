"""The techniques: `catalogue` has them by name, and `find_technique` users' own as well."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smt.techniques.listing import catalogue, find_technique

__all__ = ["catalogue", "find_technique"]


def __getattr__(name: str) -> Any:
    # Not before they are asked for: `python -m smt.techniques --help` need not wait for torch.
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from smt.techniques import listing

    return getattr(listing, name)
