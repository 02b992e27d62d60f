import math

import pytest
import torch

from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.self_attention import SelfAttentionInteraction


def layer_norm(values, norm):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    return [
        (value - mean) / math.sqrt(variance + norm.eps) * gain + bias
        for value, gain, bias in zip(values, norm.weight.tolist(), norm.bias.tolist(), strict=True)
    ]


def mixed(weight, tokens):
    """Every output token is a weighted sum of the tokens."""
    return [
        [sum(row[f] * tokens[f][d] for f in range(len(tokens))) for d in range(len(tokens[0]))]
        for row in weight.tolist()
    ]


@pytest.mark.parametrize(("num_tokens", "tokens"), [(3, 3), (3, 5), (1, 2)])
def test_it_is_the_norm_of_ensemble_and_shortcut(drawn, num_tokens, tokens):
    dim = 4
    modules = [
        DotInteraction(num_tokens, dim),
        CrossInteraction(num_tokens, dim, layers=1, rank=2),
    ]
    layer = drawn(DHENLayer(num_tokens, dim, modules=modules, tokens=tokens))
    batch = torch.randn(2, num_tokens, dim, dtype=torch.float64)
    found = layer(batch)
    assert found.shape == (2, layer.out_tokens, dim) == (2, tokens, dim)
    for example, result in zip(batch, found, strict=True):
        outputs = [module(example.unsqueeze(0))[0].tolist() for module in modules]
        ensemble = mixed(layer.match.weight, [token for output in outputs for token in output])
        shortcut = (
            example.tolist()
            if num_tokens == tokens
            else mixed(layer.shortcut.weight, example.tolist())
        )
        for token in range(tokens):
            total = [a + b for a, b in zip(ensemble[token], shortcut[token], strict=True)]
            expected = layer_norm(total, layer.norm)
            assert result[token].tolist() == pytest.approx(expected)


def test_an_unchanged_count_of_tokens_needs_no_parameters_for_the_shortcut():
    def names(tokens):
        modules = [SelfAttentionInteraction(3, 4, heads=2, layers=1)]
        return dict(DHENLayer(3, 4, modules=modules, tokens=tokens).named_parameters())

    assert "shortcut.weight" not in names(3)
    assert "shortcut.weight" in names(2)
