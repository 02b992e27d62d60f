import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from smt.template.training import ConstantRate, WarmupCosine
from smt.training.schedule import rate_factor


def test_a_constant_rate_stays():
    assert [rate_factor(ConstantRate(), step, 9) for step in range(9)] == [1.0] * 9


@pytest.mark.parametrize(("warmup", "steps"), [(0.2, 50), (0.5, 8), (0.1, 100)])
def test_warmup_cosine_is_torchs_linear_then_cosine_schedule(warmup, steps):
    schedule = WarmupCosine(warmup=warmup, peak=3.0, final=0.1)
    rising = round(warmup * steps)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3.0)
    peer = SequentialLR(
        optimizer,
        [
            LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising),
            CosineAnnealingLR(optimizer, T_max=steps - rising, eta_min=0.3),
        ],
        milestones=[rising],
    )
    for step in range(steps):
        expected = optimizer.param_groups[0]["lr"]
        assert rate_factor(schedule, step, steps) == pytest.approx(expected)
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer.step()


@given(st.floats(0, 1), st.floats(0.1, 4), st.floats(0, 1), st.integers(1, 60))
def test_the_factor_equals_the_formula_and_stays_below_its_peak(warmup, peak, final, steps):
    schedule = WarmupCosine(warmup=warmup, peak=peak, final=final)
    rising = warmup * steps
    for step in range(steps):
        if step < rising:
            expected = peak * (step + 1) / (rising + 1)
        else:
            share = (step - rising) / max(steps - rising, 1)
            expected = peak * (final + (1 - final) * (1 + math.cos(math.pi * share)) / 2)
        found = rate_factor(schedule, step, steps)
        assert found == pytest.approx(expected)
        assert 0 <= found <= peak * (1 + 1e-9)


def test_it_starts_low_peaks_and_ends_at_the_final_share():
    schedule = WarmupCosine(warmup=0.1, peak=2.0, final=0.25)
    factors = [rate_factor(schedule, step, 1000) for step in range(1000)]
    assert factors[0] < 0.05
    assert max(factors) == pytest.approx(2.0)
    assert factors.index(max(factors)) == 100
    assert factors[-1] == pytest.approx(0.5, abs=0.001)
