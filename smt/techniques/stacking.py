"""Where a technique's interactions go, so that those of other techniques stay."""

from smt.template.architecture import DHEN, Interaction, Member, Parallel, singles
from smt.template.template import Template


def beside(template: Template, spec: Member, *, dropping: tuple[str, ...] = ()) -> Template:
    """Put an interaction beside those of the stack's last element.

    An ensemble gains a member, a plain interaction becomes one of two in parallel. Of its own
    kind the interaction takes the place.

    Args:
        dropping: Kinds that leave the last element.
    """
    *below, last = template.architecture.interactions or (spec,)
    joined = _join(tuple(member for member in singles(last) if member.kind not in dropping), spec)
    top: Interaction
    if isinstance(last, DHEN):
        top = DHEN(members=joined, tokens=last.tokens)
    else:
        top = Parallel(members=joined) if len(joined) > 1 else joined[0]
    return template.change("architecture", interactions=(*below, top))


def before(template: Template, *layers: Interaction, dropping: tuple[str, ...] = ()) -> Template:
    """Put layers before the stack, in place of the layers of their kinds that it has.

    Members of ensembles that leave so are put beside the last element, unless the new layers
    have their kind.

    Args:
        dropping: Kinds of members that leave with their ensembles.
    """
    kinds = {layer.kind for layer in layers}
    stack = template.architecture.interactions
    kept = tuple(layer for layer in stack if layer.kind not in kinds)
    template = template.change("architecture", interactions=(*layers, *kept))
    present = {*dropping, *(member.kind for layer in layers for member in _members(layer))}
    for displaced in (layer for layer in stack if layer.kind in kinds):
        for member in _members(displaced):
            if member.kind not in present:
                template = beside(template, member)
    return template


def _members(layer: Interaction) -> tuple[Member, ...]:
    return layer.members if isinstance(layer, Parallel | DHEN) else ()


def _join(members: tuple[Member, ...], spec: Member) -> tuple[Member, ...]:
    kinds = [member.kind for member in members]
    if spec.kind not in kinds:
        return (*members, spec)
    place = kinds.index(spec.kind)
    return (*members[:place], spec, *members[place + 1 :])
