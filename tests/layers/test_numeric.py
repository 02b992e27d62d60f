import numpy as np
import torch

from smt.layers.numeric import NumericToken


def test_token_is_an_mlp_of_normalised_values_and_flags_of_missing_ones():
    layer = NumericToken(2, 5, 3).double()
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
    layer = NumericToken(1, 4, 2).double()
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
    layer = NumericToken(1, 16, 8).eval()
    missing, zero = layer(torch.tensor([[float("nan")], [0.0]]))
    assert not torch.equal(missing, zero)
    assert torch.isfinite(missing).all()


def test_an_infinite_value_is_not_taken_for_a_number():
    layer = NumericToken(1, 16, 8)
    layer(torch.randn(20, 1))
    layer.eval()
    assert not torch.isfinite(layer(torch.tensor([[float("inf")]]))).all()
