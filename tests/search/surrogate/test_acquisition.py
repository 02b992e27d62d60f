import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.search.encoding import Encoding
from smt.search.surrogate.acquisition import box_around
from smt.template import Choice, Float, Int

MIXED = Encoding(
    {
        "rate": Float(0.001, 0.1, log=True),
        "depth": Int(1, 4),
        "width": Int(2, 40, log=True),
        "kind": Choice(["a", 2, 0.5]),
        "share": Float(0.0, 1.0, when={"kind": ["a"]}),
    }
)
REACHES = st.floats(0.0, 2.0) | st.just(math.inf)


def in_box(theta, box):
    point = MIXED.encode([theta])[0]
    return bool(((box[0] <= point) & (point <= box[1])).all())


@given(number=st.integers(0, 63), reach=REACHES)
def test_a_box_holds_its_point_and_what_is_within_reach_alone(number, reach):
    thetas = MIXED.sobol(64, 1)
    centre = thetas[number]
    box = box_around(centre, reach, MIXED)
    assert in_box(centre, box)
    for place, (name, domain) in enumerate(MIXED.columns.items()):
        low, high = box[:, place].tolist()
        if isinstance(domain, Choice) or name not in centre:
            assert [low, high] == MIXED.bounds[:, place].tolist()
            continue
        middle = MIXED.encode([centre])[0, place].item()
        least, most = max(middle - reach, 0.0), min(middle + reach, 1.0)
        if place not in MIXED.steps:
            assert [low, high] == [least, most]
            continue
        values = MIXED.steps[place]
        within = [value for value in values if least <= value <= most]
        assert low == min(within[0], max((v for v in values if v < middle), default=middle))
        assert high == max(within[-1], min((v for v in values if v > middle), default=middle))


def test_steps_of_a_box_begin_and_end_at_values_and_one_next_to_the_point_is_inside():
    box = box_around({"rate": 0.01, "depth": 2, "width": 10, "kind": 2}, 0.0, MIXED)
    assert box[:, 1].tolist() == pytest.approx([0.0, 2 / 3])
    assert set(box[:, 2].tolist()) <= set(MIXED.steps[2])
    assert box[0, 0] == box[1, 0] == pytest.approx(0.5)
