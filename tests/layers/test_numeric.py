import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.layers.numeric import NormalisedToken, PiecewiseLinearTokens

NUMBERS = st.floats(-1e3, 1e3, width=32)


def test_token_is_an_mlp_of_normalised_values_and_flags_of_missing_ones():
    layer = NormalisedToken(2, 5, 3).double()
    numeric = torch.tensor([[1.0, 10.0], [3.0, float("nan")], [8.0, 4.0]], dtype=torch.float64)
    filled = numeric.nan_to_num(0.0)
    values = (filled - filled.mean(dim=0)) / torch.sqrt(filled.var(dim=0, unbiased=False) + 1e-5)
    flags = torch.tensor([[0, 0], [0, 1], [0, 0]], dtype=torch.float64)
    hidden = torch.cat([values, flags], dim=1)
    for linear in (layer.project[0], layer.project[2]):
        hidden = (hidden @ linear.weight.T + linear.bias).clamp(min=0)
    found = layer(numeric)
    assert found.shape == (3, 1, 3)
    torch.testing.assert_close(found[:, 0], hidden)


def test_evaluation_normalises_by_the_examples_seen_in_training():
    layer = NormalisedToken(1, 4, 2).double()
    batches = [torch.randn(50, 1, dtype=torch.float64) * s + s for s in (1, 2, 5)]
    for batch in batches:
        layer(batch)
    means = np.mean([float(batch.mean()) for batch in batches])
    variances = np.mean([float(batch.var()) for batch in batches])
    np.testing.assert_allclose(layer.normalise.running_mean.item(), means)
    np.testing.assert_allclose(layer.normalise.running_var.item(), variances)
    layer.eval()
    whole = torch.cat(batches)
    torch.testing.assert_close(layer(whole)[:10], layer(whole[:10]))


def test_missing_and_zero_are_told_apart():
    torch.manual_seed(0)
    layer = NormalisedToken(1, 16, 8).eval()
    missing, zero = layer(torch.tensor([[float("nan")], [0.0]]))
    assert not torch.equal(missing, zero)
    assert torch.isfinite(missing).all()


def test_an_infinite_value_is_not_taken_for_a_number():
    layer = NormalisedToken(1, 16, 8)
    layer(torch.randn(20, 1))
    layer.eval()
    assert not torch.isfinite(layer(torch.tensor([[float("inf")]]))).all()


def test_an_outlier_is_held_to_four_deviations():
    torch.manual_seed(0)
    layer = NormalisedToken(1, 16, 8)
    layer(torch.randn(500, 1))
    layer.eval()
    far, farther, near = layer(torch.tensor([[50.0], [5e6], [1.0]]))
    assert torch.equal(far, farther)
    assert not torch.equal(far, near)


def literal_encoding(value, boundaries):
    """Eq. 1 of arXiv:2203.05556; a bin without width is a step, a missing value all zeros."""
    bins = len(boundaries) - 1
    encoded = []
    for t in range(1, bins + 1):
        low, high = boundaries[t - 1], boundaries[t]
        if math.isnan(value):
            encoded.append(0.0)
        elif low == high:
            encoded.append(1.0 if value >= high else 0.0)
        elif value < low and t > 1:
            encoded.append(0.0)
        elif value >= high and t < bins:
            encoded.append(1.0)
        else:
            encoded.append((value - low) / (high - low))
    return encoded


@given(
    st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=6).map(sorted),
    st.lists(st.one_of(NUMBERS, st.just(math.nan), st.integers(-5, 5).map(float)), max_size=8),
)
def test_a_value_is_encoded_bin_by_bin_as_in_the_paper(boundaries, values):
    layer = PiecewiseLinearTokens(1, bins=len(boundaries) - 1, dim=2, tokens=1).double()
    layer.boundaries.copy_(torch.tensor([boundaries]))
    found = layer.encode(torch.tensor(values, dtype=torch.float64).view(-1, 1))
    expected = [[literal_encoding(value, boundaries)] for value in values]
    shape = (len(values), 1, len(boundaries) - 1)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64).view(shape))


def test_tokens_are_one_linear_layer_over_the_bins_and_flags_of_all_features():
    torch.manual_seed(0)
    layer = PiecewiseLinearTokens(2, bins=3, dim=5, tokens=4).double()
    layer.fit(torch.randn(100, 2, dtype=torch.float64))
    numeric = torch.tensor([[0.1, math.nan], [5.0, -0.3], [-5.0, 0.0]], dtype=torch.float64)
    found = layer(numeric)
    assert found.shape == (3, 4, 5)
    for example, row in enumerate(numeric.tolist()):
        inputs = []
        for value, boundaries in zip(row, layer.boundaries.tolist(), strict=True):
            inputs += [*literal_encoding(value, boundaries), float(math.isnan(value))]
        expected = layer.project.weight @ torch.tensor(inputs).double() + layer.project.bias
        torch.testing.assert_close(found[example].flatten(), expected)


def test_boundaries_are_quantiles_of_the_values_that_are_there():
    generator = np.random.default_rng(0)
    values = generator.lognormal(size=(1000, 2)).astype(np.float32)
    values[::3, 0] = np.nan
    values[::5, 1] = np.inf
    layer = PiecewiseLinearTokens(2, bins=4, dim=2, tokens=1)
    layer.fit(torch.from_numpy(values))
    for column, found in zip(values.T, layer.boundaries.numpy(), strict=True):
        there = np.sort(column[np.isfinite(column)].astype(np.float64))
        for level, boundary in zip((0, 0.25, 0.5, 0.75, 1), found, strict=True):
            place = level * (len(there) - 1)
            low, high = math.floor(place), math.ceil(place)
            expected = there[low] + (place - low) * (there[high] - there[low])
            assert boundary == pytest.approx(expected, rel=1e-6)


def test_columns_of_one_value_or_of_none_encode_to_finite_steps():
    layer = PiecewiseLinearTokens(2, bins=3, dim=2, tokens=1)
    layer.fit(torch.tensor([[7.0, math.nan], [7.0, math.nan]]))
    found = layer.encode(torch.tensor([[6.9, -1.0], [7.0, 1.0], [math.nan, math.nan]]))
    assert found.tolist() == [[[0.0] * 3] * 2, [[1.0] * 3] * 2, [[0.0] * 3] * 2]


def test_piecewise_linear_tokens_export_with_a_dynamic_batch():
    layer, batch = PiecewiseLinearTokens(2, bins=3, dim=2, tokens=2), torch.export.Dim("batch")
    exported = torch.export.export(layer, (torch.rand(4, 2),), dynamic_shapes=({0: batch},))
    numeric = torch.tensor([[0.2, math.nan]] * 7)
    assert torch.equal(exported.module()(numeric), layer(numeric))


def held_encoding(value, boundaries):
    """Within the boundaries Eq. 1; beyond them no step is narrower than an even bin's."""
    bins, first, last = len(boundaries) - 1, boundaries[0], boundaries[-1]
    if math.isnan(value):
        return [0.0] * bins
    encoded = [min(max(share, 0.0), 1.0) for share in literal_encoding(value, boundaries)]
    even, reach = (last - first) / bins, 4 * (last - first)
    if value < first and even > 0:
        encoded[0] -= min(first - value, reach) / max(boundaries[1] - first, even)
    if value > last and even > 0:
        encoded[-1] += min(value - last, reach) / max(last - boundaries[-2], even)
    return encoded


@given(
    st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=6).map(sorted),
    st.lists(st.one_of(NUMBERS, st.just(math.nan), st.integers(-5, 5).map(float)), max_size=8),
)
def test_held_bins_go_on_beyond_the_boundaries_but_not_without_end(boundaries, values):
    layer = PiecewiseLinearTokens(1, bins=len(boundaries) - 1, dim=2, tokens=1, held=True)
    layer.boundaries.copy_(torch.tensor([boundaries]))
    found = layer.encode(torch.tensor(values, dtype=torch.float64).view(-1, 1))
    expected = [[held_encoding(value, boundaries)] for value in values]
    shape = (len(values), 1, len(boundaries) - 1)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64).view(shape))


def test_an_outlier_beside_a_narrow_outer_bin_is_held():
    values = torch.cat([torch.linspace(0, 1, 900), torch.full((99,), 1.0), torch.tensor([1.001])])
    free, held = (
        PiecewiseLinearTokens(1, bins=16, dim=2, tokens=1, held=held) for held in (False, True)
    )
    outlier = torch.tensor([[1e30]])
    for layer in (free, held):
        layer.fit(values.view(-1, 1))
    assert free.encode(outlier).max() > 1e30
    assert held.encode(outlier).max() <= 1 + 4 * 16
    assert torch.equal(free.encode(values.view(-1, 1)) > 0.5, held.encode(values.view(-1, 1)) > 0.5)


@given(st.floats(-18, 18), st.floats(-1e4, 1e4), st.sampled_from([0.0, 0.5, 0.99]))
def test_held_bins_do_not_change_with_the_columns_mean_or_scale(power, shift, missing):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(500, 1))
    values[generator.random(500) < missing] = np.nan
    layers = []
    copies = [torch.from_numpy(values), torch.from_numpy((values + shift) * 10.0**power)]
    for copy in copies:
        layers.append(PiecewiseLinearTokens(1, bins=8, dim=2, tokens=1, held=True))
        layers[-1].fit(copy)
    found = [layer.encode(copy) for layer, copy in zip(layers, copies, strict=True)]
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_held_bins_let_an_infinite_value_be_found(value):
    layer = PiecewiseLinearTokens(1, bins=4, dim=2, tokens=1, held=True)
    assert layer.encode(torch.tensor([[value]])).isnan().all()
