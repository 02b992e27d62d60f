import math

import pytest
import torch

from smt.layers.interactions.mask import MaskBlocks


def layer_norm(values, norm):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    return [
        (value - mean) / math.sqrt(variance + norm.eps) * gain + bias
        for value, gain, bias in zip(values, norm.weight.tolist(), norm.bias.tolist(), strict=True)
    ]


def linear(layer, values):
    biases = [0.0] * layer.out_features if layer.bias is None else layer.bias.tolist()
    return [
        sum(w * v for w, v in zip(row, values, strict=True)) + bias
        for row, bias in zip(layer.weight.tolist(), biases, strict=True)
    ]


def relu(values):
    return [max(0.0, value) for value in values]


def masked_block(block, inputs, embedding):
    """ReLU(LN(W(V_mask * inputs))) with V_mask = W2 ReLU(W1 V_emb)."""
    mask = linear(block.mask[2], relu(linear(block.mask[0], embedding)))
    product = [m * value for m, value in zip(mask, inputs, strict=True)]
    return relu(layer_norm(linear(block.project, product), block.norm))


@pytest.mark.parametrize("num_tokens", [1, 3])
@pytest.mark.parametrize("reduction", [0.5, 2.0])
@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_it_equals_the_equations(drawn, mode, reduction, num_tokens):
    layer = drawn(MaskBlocks(num_tokens, 4, blocks=3, reduction=reduction, tokens=2, mode=mode))
    tokens = torch.randn(2, num_tokens, 4, dtype=torch.float64)
    found = layer(tokens)
    assert found.shape == (2, layer.out_tokens, 4)
    assert layer.out_tokens == (2 if mode == "serial" else 6)
    for example, result in zip(tokens, found, strict=True):
        embedding = example.flatten().tolist()
        normed = [v for token in example for v in layer_norm(token.tolist(), layer.norm)]
        if mode == "serial":
            expected = normed
            for block in layer.blocks:
                expected = masked_block(block, expected, embedding)
        else:
            outputs = [masked_block(block, normed, embedding) for block in layer.blocks]
            expected = [value for output in outputs for value in output]
        assert result.flatten().tolist() == pytest.approx(expected)


def test_the_hidden_layer_of_a_mask_is_reduction_times_as_wide_as_the_mask():
    layer = MaskBlocks(3, 4, blocks=2, reduction=1.5, tokens=2, mode="serial")
    assert [block.mask[0].out_features for block in layer.blocks] == [18, 12]
    narrow = MaskBlocks(1, 2, blocks=1, reduction=0.01, tokens=1, mode="serial")
    assert narrow.blocks[0].mask[0].out_features == 1
