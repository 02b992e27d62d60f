import pytest

from smt.techniques.stacking import before, beside
from smt.template import Template
from smt.template.architecture import (
    DHEN,
    Architecture,
    Bilinear,
    Cross,
    Dot,
    Mask,
    Parallel,
    SENet,
    TokenAttention,
    Wukong,
)

DOT = Dot()
CROSS, LONGER_CROSS = Cross(layers=1, rank=8), Cross(layers=3, rank=8)
MASK = Mask(blocks=1, reduction=1.0, tokens=2, mode="parallel")
BILINEAR = Bilinear(gate_reduction=2, form="all", tokens=2)
GATE = SENet(reduction=2)
ATTENTION = TokenAttention(heads=2, layers=1)
WUKONG = Wukong(fm_tokens=4, lcb_tokens=4, rank=8, hidden=(32,))
SMALLER_WUKONG = Wukong(fm_tokens=2, lcb_tokens=2, rank=4, hidden=(16,))


def template(*stack):
    return Template(name="t", architecture=Architecture(interactions=stack))


def stack_of(template):
    return template.architecture.interactions


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ((), (CROSS,)),
        ((DOT,), (Parallel(members=(DOT, CROSS)),)),
        ((LONGER_CROSS,), (CROSS,)),
        ((Parallel(members=(DOT, MASK)),), (Parallel(members=(DOT, MASK, CROSS)),)),
        (
            (Parallel(members=(DOT, LONGER_CROSS, MASK)),),
            (Parallel(members=(DOT, CROSS, MASK)),),
        ),
        ((DHEN(members=(DOT,), tokens=4),), (DHEN(members=(DOT, CROSS), tokens=4),)),
        ((LONGER_CROSS, WUKONG, DOT), (LONGER_CROSS, WUKONG, Parallel(members=(DOT, CROSS)))),
    ],
)
def test_an_interaction_stands_beside_the_last_ones_or_in_the_place_of_its_kind(stack, expected):
    assert stack_of(beside(template(*stack), CROSS)) == expected


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ((DOT,), (CROSS,)),
        ((Parallel(members=(DOT, LONGER_CROSS)),), (CROSS,)),
        ((Parallel(members=(DOT, MASK)),), (Parallel(members=(MASK, CROSS)),)),
        ((DHEN(members=(DOT,), tokens=4),), (DHEN(members=(CROSS,), tokens=4),)),
        ((DOT, WUKONG), (DOT, Parallel(members=(WUKONG, CROSS)))),
    ],
)
def test_what_is_dropped_leaves_the_last_element_and_never_an_empty_one(stack, expected):
    assert stack_of(beside(template(*stack), CROSS, dropping=("dot",))) == expected


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ((), (WUKONG, WUKONG)),
        ((DOT,), (WUKONG, WUKONG, DOT)),
        ((SMALLER_WUKONG, DOT), (WUKONG, WUKONG, DOT)),
        ((GATE, SMALLER_WUKONG, DOT, SMALLER_WUKONG), (WUKONG, WUKONG, GATE, DOT)),
        ((SMALLER_WUKONG,), (WUKONG, WUKONG)),
    ],
)
def test_layers_come_before_the_stack_in_place_of_those_of_their_kind(stack, expected):
    assert stack_of(before(template(*stack), WUKONG, WUKONG)) == expected


def test_what_others_put_into_an_ensemble_stays_when_the_ensemble_is_replaced():
    old = DHEN(members=(DOT, LONGER_CROSS, ATTENTION, MASK), tokens=2)
    new = DHEN(members=(DOT, CROSS), tokens=4)
    changed = before(template(old), new, dropping=("token_attention",))
    assert stack_of(changed) == (DHEN(members=(DOT, CROSS, MASK), tokens=4),)
    changed = before(template(old, DOT), new, dropping=("token_attention",))
    assert stack_of(changed) == (new, Parallel(members=(DOT, MASK)))


@pytest.mark.parametrize("stack", [(DOT,), (DHEN(members=(DOT, CROSS), tokens=4),), (MASK, GATE)])
def test_both_do_nothing_the_second_time_and_do_not_mind_each_other(stack):
    start = template(*stack)
    for place in (lambda t: beside(t, BILINEAR), lambda t: before(t, WUKONG)):
        assert place(place(start)) == place(start)
    assert before(beside(start, BILINEAR), WUKONG) == beside(before(start, WUKONG), BILINEAR)


def test_nothing_but_the_stack_changes():
    start = template(DOT)
    for changed in (beside(start, CROSS), before(start, WUKONG)):
        assert changed.change("architecture", interactions=(DOT,)) == start
    assert stack_of(start) == (DOT,)
