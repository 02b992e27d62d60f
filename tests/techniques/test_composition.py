"""Every technique with every other that applies, on all six templates.

What trains all pairs on all templates is marked slow: `pytest -m slow tests/techniques`.
"""

from functools import cache
from itertools import combinations, cycle, permutations

import pytest

from smt.techniques import catalogue
from smt.template import catalogue as templates
from smt.template import diff
from smt.template.architecture import DHEN, Parallel, PlainMLP, ResidualMLP

PAIRS = list(combinations(catalogue.values(), 2))
# Two that set one place are alternatives; of all others both stay.
ALTERNATIVES = {
    frozenset(pair)
    for pair in (
        ("mmoe", "ple"),
        ("target_attention", "self_attention_sequences"),
        ("target_attention", "hstu"),
        ("self_attention_sequences", "hstu"),
        ("auxiliary_events", "auxiliary_numerics"),
        ("muon", "adamw"),
    )
}
STACK = "architecture.interactions"
GROUP = 5
"""Techniques that are tried together: what pairs of them share is trained once."""


def narrow(template):
    """The template with a narrow MLP: on a CPU, Muon takes seconds a step for a wide one.

    It exposes nothing: where a technique sets what is exposed, the domain grows by its value.
    """
    template = template.model_copy(update={"exposed": {}})
    wide = template.architecture.mlp
    residual = isinstance(wide, ResidualMLP)
    mlp = ResidualMLP(width=32, depth=wide.depth) if residual else PlainMLP(widths=(32, 16))
    return template.change("architecture", mlp=mlp)


TEMPLATES = {name: narrow(template) for name, template in templates.items()}
ON_EACH_TEMPLATE = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())


def fitting(pair):
    """Templates that both fit."""
    return [t for t in TEMPLATES.values() if all(each.applies_to(t) for each in pair)]


def composed(techniques, template, theta):
    """The template with one technique after the other."""
    for technique in techniques:
        template = technique.apply(template, theta(technique))
    return template


def kinds_of(template):
    stack = template.architecture.interactions
    members = [each.members if isinstance(each, Parallel | DHEN) else (each,) for each in stack]
    return {member.kind for each in members for member in each}


def places(technique, template, theta):
    """The places that a technique sets, with their values; of the stack, the kinds in it."""
    changed = technique.apply(template, theta)
    set_here = {change.place: change.after for change in diff(template, changed)}
    if STACK in set_here:
        set_here[STACK] = kinds_of(changed)
    return set_here


@ON_EACH_TEMPLATE
def test_of_any_two_both_stay_in_either_order_unless_they_are_alternatives(template, middle):
    fit = [each for each in catalogue.values() if each.applies_to(template)]
    alone = {each.name: places(each, template, middle(each)) for each in fit}
    for first, second in permutations(fit, 2):
        if frozenset((first.name, second.name)) in ALTERNATIVES:
            continue
        both = composed((first, second), template, middle)
        for technique in (first, second):
            for place, value in alone[technique.name].items():
                if place == STACK:
                    assert value <= kinds_of(both), (first.name, second.name)
                else:
                    assert both.value(place) == value, (first.name, second.name, place)


def test_the_alternatives_are_those_that_set_one_place(middle):
    template = TEMPLATES["sparsenn_small"]
    alone = {
        name: places(each, template, middle(each))
        for name, each in catalogue.items()
        if each.applies_to(template)
    }
    found = {
        frozenset((first, second))
        for first, second in combinations(alone, 2)
        if {*alone[first]} & {*alone[second]} - {STACK}
    }
    assert found == ALTERNATIVES


def test_all_pairs_but_one_fit_some_template():
    apart = [tuple(each.name for each in pair) for pair in PAIRS if not fitting(pair)]
    assert apart == [("wider_towers", "target_attention")]


@ON_EACH_TEMPLATE
def test_each_technique_alone_takes_a_step(template, lowest, take_a_step):
    take_a_step(template)
    for technique in catalogue.values():
        if technique.applies_to(template):
            take_a_step(composed([technique], template, lowest))


NAMED_PAIRS = {frozenset(each.name for each in pair) for pair in PAIRS if fitting(pair)}


@cache
def groups():
    """(template, names of techniques that fit it): every pair is in a group, of one template.

    Two that set one place are in no group of more, where one would hide the other.
    """
    left, made, on = {*NAMED_PAIRS}, [], cycle(TEMPLATES)
    while left:
        template = next(on)
        fit = [name for name in catalogue if catalogue[name].applies_to(TEMPLATES[template])]
        group = [*next((pair for pair in combinations(fit, 2) if frozenset(pair) in left), ())]
        while 2 <= len(group) < GROUP and frozenset(group) not in ALTERNATIVES:
            apart = {name for name in fit for one in group if {name, one} in ALTERNATIVES}
            others = [name for name in fit if name not in {*group, *apart}]
            new = {name: sum({name, one} in left for one in group) for name in others}
            best = max(others, key=new.__getitem__)
            if not new[best]:
                break
            group.append(best)
        made.append((template, group))
        left -= {frozenset(pair) for pair in combinations(group, 2)}
    return made


def test_every_pair_that_fits_a_template_is_in_a_group():
    together = {frozenset(pair) for _, group in groups() for pair in combinations(group, 2)}
    assert together == NAMED_PAIRS


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_group_takes_a_step_on_its_template(name, lowest, take_a_step):
    for number, (_, group) in enumerate(each for each in groups() if each[0] == name):
        techniques = [catalogue[each] for each in (group if number % 2 else group[::-1])]
        take_a_step(composed(techniques, TEMPLATES[name], lowest))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@ON_EACH_TEMPLATE
def test_all_pairs_take_a_step(template, lowest, take_a_step):
    for pair in PAIRS:
        if template in fitting(pair):
            take_a_step(composed(pair, template, lowest))
