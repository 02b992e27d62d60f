"""Which hyperparameters a version leaves to each model (Eq. 7), and where in the template."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from smt.errors import InputError
from smt.results.integration import Exposure
from smt.results.sensitivity import HyperparameterSensitivity
from smt.space import Domain, Value, widen
from smt.template import Choice, Technique, Template, diff
from smt.template.difference import Change
from smt.template_iteration.applied import Applied, apply_techniques


def find_exposures(
    chosen: Sequence[Applied],
    parent: Template,
    sensitivity: Mapping[str, Mapping[str, HyperparameterSensitivity]],
) -> tuple[Exposure, ...]:
    """Where in the template the hyperparameters are that a run wants exposed.

    One has a place where its value, and nothing else, stands there for every end or choice of
    its domain, with all techniques applied.

    Args:
        parent: To which the techniques are applied.
        sensitivity: technique -> hyperparameter -> what the run says of it.
    """
    return tuple(
        exposure
        for which, (technique, _) in enumerate(chosen)
        for exposure in advised(technique, sensitivity, partial(_find_place, chosen, which, parent))
    )


def advised(
    technique: Technique,
    sensitivity: Mapping[str, Mapping[str, HyperparameterSensitivity]],
    find_place: Callable[[str, Domain], tuple[str, Domain]],
) -> Iterator[Exposure]:
    """What becomes of each hyperparameter of one technique that a run wants exposed."""
    for name, advice in sensitivity.get(technique.name, {}).items():
        if advice.domain is not None:
            place = partial(find_place, name)
            yield make_exposure(technique, name, advice.reason, advice.domain, place)


def make_exposure(
    technique: Technique,
    name: str,
    reason: str,
    proposed: Domain,
    find_place: Callable[[Domain], tuple[str, Domain]],
) -> Exposure:
    """What becomes of one hyperparameter; `find_place` raises `InputError` with the obstacle."""
    where, domain, obstacle = None, proposed, None
    try:
        where, domain = find_place(proposed)
    except InputError as error:
        obstacle = str(error)
    return Exposure(
        technique=technique.name,
        hyperparameter=name,
        place=where,
        domain=domain,
        obstacle=obstacle,
        reason=reason,
    )


def expose(template: Template, exposures: Sequence[Exposure]) -> Template:
    """The template that leaves to models what can be exposed."""
    return template.exposing(
        {exposure.place: exposure.domain for exposure in exposures if exposure.place is not None}
    )


def _find_place(
    chosen: Sequence[Applied], which: int, parent: Template, name: str, proposed: Domain
) -> tuple[str, Domain]:
    """The place of one hyperparameter, and its domain. Raises `InputError` with the obstacle."""
    technique, theta = chosen[which]
    if name not in theta:
        raise InputError("θ* does not have it")
    value = theta[name]
    domain = widen(proposed, value)
    others = [end for end in ends(domain) if end != value]
    if not others:
        raise InputError(f"{value!r} is the only value to choose")
    template = apply_techniques(chosen, parent)
    places = set()
    for other in others:
        moved = [*chosen]
        moved[which] = (technique, {**theta, name: other})
        places.add(_place_of(template, apply_techniques(moved, parent), value, other, domain))
    place, *more = sorted(places)
    if more:
        raise InputError(f"it sets {place} at one value and {more[0]} at another")
    check_free(place, parent, template)
    return place, domain


def ends(domain: Domain) -> Sequence[Value]:
    """The values of a choice, or both ends of a range."""
    return domain.values if isinstance(domain, Choice) else (domain.low, domain.high)


def _place_of(before: Template, after: Template, value: Value, other: Value, domain: Domain) -> str:
    """The only place that changed, if it went from one value to the other."""
    changes = diff(before, after)
    place = only_place(changes)
    (change,) = changes
    for actual, expected in ((change.before, value), (change.after, other)):
        if not (domain.holds(actual) and actual == expected):
            raise InputError(f"{place} is not its value: {actual!r} where it is {expected!r}")
    return place


def only_place(changes: Iterable[Change]) -> str:
    """The place of all changes. Raises `InputError` where they have several, or are none."""
    places = list(dict.fromkeys(change.place for change in changes))
    if len(places) != 1:
        raise InputError(
            f"it sets no single place of the template, but {', '.join(places) or 'nothing'}"
        )
    return places[0]


def check_free(place: str, parent: Template, template: Template) -> None:
    """Raise `InputError` where a model cannot set the place, or can under the parent already."""
    try:
        template.value(place)
    except ValueError as error:
        raise InputError(f"a model cannot set it: {error}") from None
    if place in parent.exposed:
        # A model may have a value of its own there, which the new domain need not hold.
        raise InputError(f"{place} is exposed already, as {parent.exposed[place]}")
