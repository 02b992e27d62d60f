"""Which models have regressed: the same of plain numbers and of tensors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.search.aggregate import aggregate
from smt.search.delta import Delta
from smt.search.regressed import SOFTNESS, count_regressions, count_softly, regressed

ALPHA = st.floats(0, 10)


@st.composite
def cases(draw):
    """α, and the deltas of two trials of m models, many of them at -α or one bit beside it."""
    alpha = draw(ALPHA)
    edges = [-alpha, math.nextafter(-alpha, -math.inf), math.nextafter(-alpha, math.inf)]
    delta = st.sampled_from([*edges, math.nan, 0.0]) | st.floats(allow_nan=False)
    models = draw(st.integers(1, 12))
    trial = st.lists(delta, min_size=models, max_size=models)
    return alpha, [draw(trial), draw(trial)]


@given(cases())
def test_tensors_count_what_plain_numbers_do(case):
    alpha, trials = case
    counted = count_regressions(torch.tensor(trials, dtype=torch.double), alpha)
    assert counted.tolist() == [sum(regressed(d, alpha) for d in trial) for trial in trials]


@given(cases())
def test_deltas_and_the_aggregate_count_what_plain_numbers_do(case):
    alpha, (deltas, _) = case
    # Sums of larger ones overflow.
    finite = [min(max(d, -1e9), 1e9) if math.isfinite(d) else math.nan for d in deltas]
    known = [regressed(delta, alpha) for delta in finite]
    assert [Delta.of(delta).regressed(alpha) for delta in finite] == known
    rate = aggregate(finite, alpha=alpha).regression_rate
    assert rate == sum(known) / len(known)


@given(st.floats(-10, 10).filter(lambda delta: abs(delta + 0.05) > 2 * SOFTNESS))
def test_far_from_alpha_the_smooth_count_is_the_count(delta):
    deltas = torch.tensor([delta], dtype=torch.double)
    expected = pytest.approx(float(count_regressions(deltas, 0.05)), abs=1e-9)
    assert float(count_softly(deltas, 0.05)) == expected


def test_regressed_says_nothing_of_a_model_that_was_not_evaluated():
    assert [regressed(delta, 0.05) for delta in (None, math.nan, -0.06, -0.05, 1.0)] == [
        False,
        True,
        True,
        False,
        False,
    ]
