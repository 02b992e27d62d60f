"""What a version leaves to models of techniques that do not generalize (the paper, §6.3.2).

They "remain prime candidates for parameter exposure" where models that choose for themselves gain.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from smt.errors import InputError
from smt.mmo.sensitivity.own_choice import gain_of_own_choice
from smt.results.generalization import GeneralizationResult
from smt.results.integration import Exposure
from smt.results.sensitivity import HyperparameterSensitivity
from smt.search.aggregate import normalise_weights
from smt.space import Domain, widen
from smt.spec import Spec
from smt.techniques import catalogue
from smt.template import Choice, Technique, Template, Theta, diff
from smt.template_iteration.applied import Applied, apply_techniques
from smt.template_iteration.exposure import (
    advised,
    check_free,
    ends,
    expose,
    make_exposure,
    only_place,
)


def find_left_exposures(run: GeneralizationResult, template: Template) -> tuple[Exposure, ...]:
    """Of a run's techniques that do not generalize and are in the catalogue.

    Args:
        template: With all techniques that do, and what those expose.
    """
    left = [
        (catalogue[technique.name], technique.shown.theta)
        for technique in run.techniques
        if not technique.generalizes
        and technique.name in catalogue
        and catalogue[technique.name].applies_to(template)
    ]
    exposures = find_own_exposures(left, template, run.sensitivity)
    without_theta = [technique for technique, _ in left if not technique.space]
    gains = _own_gains(run, {technique.name for technique in without_theta})
    return exposures + find_switches(without_theta, expose(template, exposures), gains)


def find_own_exposures(
    left: Sequence[Applied],
    template: Template,
    sensitivity: Mapping[str, Mapping[str, HyperparameterSensitivity]],
) -> tuple[Exposure, ...]:
    """The same of techniques that did not generalize (the paper, §6.3.2): the template's values.

    What such a technique sets stays as the template has it, and becomes a model's own where it
    is one value of the template, and the technique changes nothing else.

    Args:
        left: Each with a θ, whose other values it is applied with.
        template: With all techniques that did, and what those expose.
    """
    return tuple(
        exposure
        for technique, theta in left
        for exposure in advised(
            technique, sensitivity, partial(_find_own_place, technique, theta, template)
        )
    )


def find_switches(
    left: Sequence[Technique], template: Template, gains: Mapping[str, float]
) -> tuple[Exposure, ...]:
    """The same of techniques without hyperparameters: whether a model has one is its own choice.

    Args:
        left: Techniques that did not generalize.
        gains: Technique -> what models that choose for themselves gain, percent; of those that
            are worth it.
    """
    exposures: list[Exposure] = []
    for technique in left:
        if technique.space or technique.name not in gains:
            continue
        reason = f"where each model chooses for itself they gain {gains[technique.name]:+.3g}%"
        others = {each.place: each.domain for each in exposures if each.place is not None}
        find_place = partial(_find_switch, technique, template, others)
        exposures.append(make_exposure(technique, "use", reason, Choice([False, True]), find_place))
    return tuple(exposures)


def _own_gains(run: GeneralizationResult, names: set[str]) -> dict[str, float]:
    """Of those: technique -> what models that choose gain, percent, where that reaches τ."""
    weights = {model.model: model.weight for model in run.representatives}
    gains = {}
    for technique in run.techniques:
        if technique.name not in names:
            continue
        tried = [[*trial.deltas.values()] for trial in technique.trials]
        shares = normalise_weights(
            [weights[model] for model in technique.models], len(technique.models)
        )
        gains[technique.name] = gain_of_own_choice(tried, shares, run.settings.alpha)
    return {name: gain for name, gain in gains.items() if gain >= run.settings.tau}


def _find_own_place(
    technique: Technique, theta: Theta, template: Template, name: str, proposed: Domain
) -> tuple[str, Domain]:
    """The same of a technique that is not applied, with the template's own value in the domain."""
    changes = [
        (change, end)
        for end in ends(proposed)
        for change in diff(
            template, apply_techniques([(technique, {**theta, name: end})], template)
        )
    ]
    place, (first, _) = only_place(change for change, _ in changes), changes[0]
    if first.before is None:
        raise InputError(f"the template has no {place}")
    for change, end in changes:
        if change.after != end:
            raise InputError(f"{place} is not its value: {change.after!r} where it is {end!r}")
    check_free(place, template, template)
    return place, widen(proposed, first.before)


def _find_switch(
    technique: Technique, template: Template, others: Mapping[str, Domain], proposed: Domain
) -> tuple[str, Domain]:
    """The place that a technique without hyperparameters turns on, and what it may be there.

    That is False or True, as proposed, or the kind of a part: that which the template has, or the
    technique's, with the sizes that the kind has by itself.

    Args:
        others: Place -> domain of what other techniques turn on; a kind adds to theirs.
    """
    changes = diff(template, apply_techniques([(technique, {})], template))
    place, (change,) = only_place(changes), changes
    before, after = change.before, change.after
    if proposed.holds(before) and proposed.holds(after):
        check_free(place, template, template)
        return place, proposed
    kinds = [getattr(part, "kind", None) for part in (before, after)]
    if not isinstance(after, Spec) or not all(kinds) or after != type(after)():
        raise InputError(f"{place} is no switch: {before!r} or {after!r}")
    place = f"{place}.kind"
    check_free(place, template, template)
    return place, widen(others.get(place, Choice(kinds)), kinds[1])
