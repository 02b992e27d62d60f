import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchrec.models.dlrm import InteractionArch

from smt.layers.interactions.dot import DotInteraction


@given(num_tokens=st.integers(1, 9), dim=st.integers(1, 7))
@settings(max_examples=30)
def test_it_is_the_first_token_then_each_pairs_product_then_zeros(num_tokens, dim):
    tokens = torch.randn(3, num_tokens, dim, dtype=torch.float64)
    layer = DotInteraction(num_tokens, dim)
    found = layer(tokens)
    assert found.shape == (3, layer.out_tokens, dim)
    for example, row in zip(tokens, found.flatten(1).tolist(), strict=True):
        expected = example[0].tolist()
        for i in range(num_tokens):
            for j in range(i + 1, num_tokens):
                expected.append(sum(float(example[i, d] * example[j, d]) for d in range(dim)))
        assert row[: len(expected)] == pytest.approx(expected)
        assert not any(row[len(expected) :])
        assert len(row) - len(expected) < dim


@given(num_tokens=st.integers(1, 9), dim=st.integers(1, 7))
@settings(max_examples=30)
def test_its_gradient_is_that_of_the_same_output_in_plain_torch(num_tokens, dim):
    tokens = torch.randn(3, num_tokens, dim, dtype=torch.float64, requires_grad=True)
    layer = DotInteraction(num_tokens, dim)
    found = layer(tokens)
    first, second = torch.triu_indices(num_tokens, num_tokens, offset=1)
    products = (tokens[:, first] * tokens[:, second]).sum(2)
    expected = torch.cat([tokens[:, 0], products], dim=1)
    upstream = torch.randn(3, found[0].numel(), dtype=torch.float64)
    (ours,) = torch.autograd.grad(found.flatten(1), tokens, upstream)
    (theirs,) = torch.autograd.grad(expected, tokens, upstream[:, : expected.shape[1]])
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(found, layer(tokens.detach()))


def test_under_autocast_its_gradient_is_as_wide_as_the_tokens():
    tokens = torch.randn(3, 5, 4, requires_grad=True)
    layer = DotInteraction(5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(tokens)
        assert torch.equal(found, layer(tokens.detach()))
    (gradient,) = torch.autograd.grad(found.sum(), tokens)
    (exact,) = torch.autograd.grad(layer(tokens).sum(), tokens)
    assert gradient.dtype == tokens.dtype
    torch.testing.assert_close(gradient, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("num_tokens", [1, 2, 6])
def test_flattened_it_is_torchrecs_interaction_and_zeros(num_tokens):
    tokens = torch.randn(4, num_tokens, 3)
    found = DotInteraction(num_tokens, 3)(tokens).flatten(1)
    expected = InteractionArch(num_tokens - 1)(tokens[:, 0], tokens[:, 1:])
    torch.testing.assert_close(found[:, : expected.shape[1]], expected)


def test_a_single_token_stays_as_it_is():
    tokens = torch.randn(2, 1, 3)
    layer = DotInteraction(1, 3)
    assert torch.equal(layer(tokens), tokens)
    assert layer.out_tokens == 1


def test_the_indices_of_pairs_are_no_part_of_a_checkpoint():
    assert not DotInteraction(4, 3).state_dict()
