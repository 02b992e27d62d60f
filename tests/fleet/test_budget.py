import pytest
from hypothesis import given
from hypothesis import strategies as st

from smt.capacity import Capacity
from smt.errors import InputError
from smt.fleet.budget import FleetCost, Growth
from smt.spec import Spec

AMOUNT = st.integers(1, 10**12)


class Holder(Spec):
    capacity: Capacity


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_growth_is_the_percent_by_which_each_amount_is_more(flops, more_flops, size, more_bytes):
    before = FleetCost(flops=flops, bytes=size)
    growth = FleetCost(flops=more_flops, bytes=more_bytes).growth_from(before)
    assert growth.flops == pytest.approx(100 * (more_flops - flops) / flops, rel=1e-6, abs=1e-6)
    assert growth.bytes == pytest.approx(100 * (more_bytes - size) / size, rel=1e-6, abs=1e-6)
    assert growth.largest == max(growth.flops, growth.bytes)


def test_the_quantity_that_grows_most_decides_and_is_named():
    growth = Growth(flops=3.0, bytes=7.25)
    assert growth.excess(7.25) is None
    assert growth.excess("free") is None
    assert growth.excess(5.0) == "bytes grow by 7.2%, 5% are neutral"
    assert Growth(flops=8.0, bytes=-2.0).excess(5) == "FLOPs grow by 8.0%, 5% are neutral"
    assert str(Growth(flops=8.0, bytes=-2.0)) == "FLOPs +8.0%, bytes -2.0%"


def test_what_costs_nothing_today_does_not_grow():
    assert FleetCost(flops=3, bytes=2).growth_from(FleetCost(flops=0, bytes=2)).flops == 0


@pytest.mark.parametrize(("given_", "meant"), [("free", "free"), ("5", 5.0), (0, 0.0), (2.5, 2.5)])
def test_a_capacity_is_a_percentage_or_free(given_, meant):
    assert Holder.parse({"capacity": given_}, source="x").capacity == meant


@pytest.mark.parametrize("given_", [-1, "cheap", "inf", float("nan")])
def test_other_capacities_are_refused(given_):
    with pytest.raises(InputError, match="x: 'capacity"):
        Holder.parse({"capacity": given_}, source="x")
