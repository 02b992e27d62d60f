"""What is different between two templates, by part."""

from collections.abc import Iterator
from dataclasses import dataclass

from smt.space import Domain
from smt.spec import Spec
from smt.template.template import PARTS, Template


@dataclass(frozen=True)
class Change:
    """A place of a template at which two differ.

    Attributes:
        part: One of the five, or `template` for what is outside them.
        place: Such as `features.position_weighting`; the innermost that both have.
        before, after: A scalar, a spec, a tuple of them, or None.
    """

    part: str
    place: str
    before: object
    after: object


def diff(before: Template, after: Template) -> list[Change]:
    """The changes that make one template the other, in the order of its fields."""
    return [
        Change(part if (part := place.split(".")[0]) in PARTS else "template", place, *values)
        for place, *values in _changes("", before, after)
    ]


def _changes(place: str, before: object, after: object) -> Iterator[tuple[str, object, object]]:
    if before == after:
        return
    inside: dict[str, tuple[object, object]] | None = None
    if isinstance(before, dict) and isinstance(after, dict):
        inside = {key: (before.get(key), after.get(key)) for key in {**before, **after}}
    elif isinstance(before, Spec) and type(before) is type(after) and not _is_leaf(before):
        keys = type(before).model_fields
        inside = {key: (getattr(before, key), getattr(after, key)) for key in keys}
    if inside is None:
        yield place, before, after
        return
    for key, values in inside.items():
        yield from _changes(f"{place}.{key}" if place else key, *values)


def _is_leaf(spec: Spec) -> bool:
    # A domain reads as one value: "a number in [0, 1]".
    return isinstance(spec, Domain)
