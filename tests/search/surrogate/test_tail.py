"""What the surrogate sees of losses that are far below all gains."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.search.surrogate.tail import LEAST_SPREAD, MOST_SPREADS, fit_tail

DELTAS = st.lists(st.floats(-1e5, 100), min_size=2, max_size=12)


def tensor(deltas):
    return torch.tensor(deltas, dtype=torch.double)


@given(DELTAS, st.floats(0.01, 5))
def test_the_worst_is_brought_near_the_good_ones_and_those_stay_as_they_are(deltas, alpha):
    deltas = tensor(deltas)
    tail = fit_tail(deltas, alpha)
    seen = tail.bound(deltas)
    good = deltas >= -alpha
    spread = max(float(deltas[good].std(correction=0)) if good.any() else 0.0, LEAST_SPREAD * alpha)
    assert torch.equal(seen[good], deltas[good])
    assert (seen[~good] < -alpha).all()
    assert float(seen.min()) >= -alpha - MOST_SPREADS * spread * (1 + 1e-6)


@given(DELTAS)
def test_bounding_keeps_the_order_and_is_undone(deltas):
    deltas = tensor(sorted(deltas))
    tail = fit_tail(deltas, 0.05)
    seen = tail.bound(deltas)
    assert (seen.diff() >= 0).all()
    assert torch.allclose(tail.undo(seen), deltas, rtol=1e-6, atol=1e-9)


def test_it_is_the_mildest_that_brings_the_worst_near():
    for good in ([0.1, -0.1, 0.3], [10.0, -0.1, 50.0]):
        tail = fit_tail(tensor([*good, -500.0]), 0.2)
        spread = max(float(tensor(good).std(correction=0)), LEAST_SPREAD * 0.2)
        worst = float(tail.bound(tensor([-500.0])))
        assert worst == pytest.approx(-0.2 - MOST_SPREADS * spread)


def test_deltas_without_a_tail_stay_as_they_are():
    deltas = tensor([0.3, 0.1, -0.2, -0.35, math.nan])
    tail = fit_tail(deltas, 0.05)
    assert math.isinf(tail.scale)
    assert torch.equal(tail.bound(deltas)[:4], deltas[:4])
    assert torch.equal(tail.slope(deltas)[:4], torch.ones(4, dtype=torch.double))
    assert math.isinf(fit_tail(tensor([math.nan]), 0.05).scale)


def test_errors_shrink_by_the_slope():
    tail = fit_tail(tensor([0.1, -0.1, -500.0]), 0.05)
    at = tensor([0.5, -0.06, -3.0, -400.0]).requires_grad_()
    (slope,) = torch.autograd.grad(tail.bound(at).sum(), at)
    assert torch.allclose(tail.slope(at), slope)


def test_a_draw_far_below_all_is_no_lower_than_the_worst():
    tail = fit_tail(tensor([0.1, -0.1, -500.0]), 0.05)
    assert float(tail.undo(tensor([-1e6]))) == pytest.approx(-500.0, rel=1e-3)
