import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.layers.moments import LARGEST, Moments
from smt.layers.numeric import PiecewiseLinearTokens, StandardisedToken


def drawn(missing=0.0, rows=1_000, seed=0):
    """Values with mean 0 and deviation 1, some of them missing."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=rows)
    values[generator.random(rows) < missing] = np.nan
    return torch.from_numpy(values).view(-1, 1)


def standardised(values, batch=100):
    """The batches as training sees them, then all as serving does."""
    layer = Moments(values.shape[1])
    trained = [layer(part) for part in values.split(batch)]
    return torch.cat(trained), layer.eval()(values), layer


def literal(values):
    """Each column by its finite values alone, in float64."""
    numbers = values.double().numpy().copy()
    for column in numbers.T:
        there = column[np.isfinite(column)]
        spread = there.std() if there.size else 0.0
        column[:] = (column - there.mean()) / spread if spread else 0.0
    return torch.from_numpy(np.nan_to_num(np.clip(numbers, -LARGEST, LARGEST), nan=0.0))


@given(
    st.lists(
        st.one_of(
            st.floats(-1e3, 1e3, width=32).filter(lambda x: abs(x) > 1e-3), st.just(math.nan)
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_moments_are_those_of_the_values_that_are_there(values, batch):
    column = torch.tensor(values, dtype=torch.float32).view(-1, 1)
    _, served, layer = standardised(column, batch)
    there = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    assert int(layer.count) == there.size
    if there.size:
        np.testing.assert_allclose(layer.mean.item(), there.mean(), rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(
            layer.squares.item(), there.var() * there.size, rtol=1e-9, atol=1e-8
        )
    if len(set(there)) > 1:
        torch.testing.assert_close(served, literal(column).float(), rtol=1e-5, atol=1e-5)
    else:
        assert not served.any()


@settings(max_examples=40)
@given(
    st.floats(-18, 18),
    st.floats(-1e4, 1e4),
    st.sampled_from([0.0, 0.01, 0.5, 0.99, 0.999]),
    st.booleans(),
)
def test_a_shifted_or_scaled_copy_of_a_column_is_standardised_alike(power, shift, missing, flipped):
    scale = (-1 if flipped else 1) * 10.0**power
    values = drawn(missing)
    for ours, theirs in zip(
        standardised(values)[:2], standardised((values + shift) * scale)[:2], strict=True
    ):
        torch.testing.assert_close(theirs, ours * (-1 if flipped else 1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("mean", "spread"), [(40, 12), (2010, 6), (0, 1e18), (3e18, 1e18), (0, 1e-18)]
)
@pytest.mark.parametrize("missing", [0.0, 0.001, 0.1, 0.9])
def test_columns_of_single_precision_keep_what_that_precision_holds(mean, spread, missing):
    values = drawn(missing)
    found = standardised((mean + spread * values).float())[1]
    torch.testing.assert_close(found.double(), literal(values), rtol=0, atol=1e-4)


def test_a_missing_value_is_the_mean():
    _, served, layer = standardised(torch.tensor([[2008.0], [2012.0], [math.nan]]))
    assert served.flatten().tolist() == [-1.0, 1.0, 0.0]
    assert layer(torch.tensor([[2010.0]])).item() == 0.0


@pytest.mark.parametrize("value", [0.1, 2010.0, -1e18, 1e-18, 1.7e12])
def test_a_constant_column_is_zero_however_often_it_is_added_up(value):
    column = torch.full((999, 1), value)
    trained, served, layer = standardised(column, 7)
    assert not trained.any()
    assert not served.any()
    # What no training row had says nothing.
    assert layer(torch.tensor([[2 * value + 1]])).item() == 0.0


def test_a_column_without_values_is_zero_until_it_has_some():
    layer = Moments(1)
    missing = torch.full((50, 1), math.nan)
    assert not layer(missing).any()
    assert layer.eval()(torch.tensor([[5.0]])).item() == 0.0
    values = drawn().float()
    found = layer.train()(values)
    torch.testing.assert_close(found, literal(values).float(), rtol=1e-5, atol=1e-5)


def test_before_any_row_values_stay_as_they_are():
    values = torch.tensor([[3.0], [math.nan], [-0.5], [9.0]])
    assert Moments(1).eval()(values).flatten().tolist() == [3.0, 0.0, -0.5, LARGEST]


def test_infinite_values_are_found_and_left_out_of_the_moments():
    values = torch.tensor([[1.0], [math.inf], [3.0], [-math.inf]])
    found = Moments(1)(values).flatten()
    assert found[[0, 2]].tolist() == [-1.0, 1.0]
    assert found[[1, 3]].isnan().all()


def test_rows_beyond_what_single_precision_counts_still_count():
    layer = Moments(1)
    layer(torch.tensor([[0.0], [2.0]]))
    many = 100_000_000
    layer.count.fill_(many)
    layer.squares.fill_(float(many))
    layer(torch.tensor([[5.0]]))
    assert layer.count.item() == many + 1
    assert layer.mean.item() == pytest.approx(1 + 4 / (many + 1), rel=1e-15)
    assert layer.squares.item() == pytest.approx(many + 16 * many / (many + 1), rel=1e-15)


def test_an_example_alone_or_none_can_be_a_batch():
    layer = Moments(2)
    assert layer(torch.tensor([[1.0, math.nan]])).tolist() == [[0.0, 0.0]]
    assert layer(torch.empty(0, 2)).shape == (0, 2)


@pytest.mark.parametrize(
    "layer",
    [StandardisedToken(2, 5, 3), PiecewiseLinearTokens(2, bins=4, dim=3, tokens=2, held=True)],
    ids=["standardised", "held piecewise linear"],
)
def test_tokens_export_with_a_dynamic_batch(layer):
    values = torch.tensor([[2.0, math.nan], [4.0, 1e18], [math.nan, -3.0], [-1e30, 0.5]])
    layer(values)
    layer.eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(layer, (values,), dynamic_shapes=({0: batch},))
    longer = torch.cat([values, values[:3]])
    assert torch.equal(exported.module()(longer), layer(longer))
