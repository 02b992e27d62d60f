import pytest

from smt.fleet import ServingLimits


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, {}),
        ({"flops": 5}, {}, {"flops": 5}),
        ({"flops": 5, "bytes": 7}, {"flops": 4, "latency_ms": 1.0}, None),
    ],
)
def test_the_tighter_limit_holds(first, second, expected):
    expected = {"flops": 4, "bytes": 7, "latency_ms": 1.0} if expected is None else expected
    assert ServingLimits(**first).tighter(ServingLimits(**second)) == ServingLimits(**expected)
