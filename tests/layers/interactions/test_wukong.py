import math

import pytest
import torch
from torch import nn

from smt.layers.interactions.wukong import WukongLayer


def layer_norm(values, norm):
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    return [
        (value - mean) / math.sqrt(variance + norm.eps) * gain + bias
        for value, gain, bias in zip(values, norm.weight.tolist(), norm.bias.tolist(), strict=True)
    ]


def product(left, right):
    return [
        [sum(row[k] * right[k][j] for k in range(len(right))) for j in range(len(right[0]))]
        for row in left
    ]


def transposed(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def perceptron(layer, values):
    linears = [module for module in layer.fm.modules() if isinstance(module, nn.Linear)]
    for number, linear in enumerate(linears):
        rows, biases = linear.weight.tolist(), linear.bias.tolist()
        values = [
            sum(w * v for w, v in zip(row, values, strict=True)) + bias
            for row, bias in zip(rows, biases, strict=True)
        ]
        if number < len(linears) - 1:
            values = [max(0.0, value) for value in values]
    return values


def wukong(layer, example, fm_tokens):
    """One example: LN(concat(reshape(MLP(LN(flatten(X X^T Y)))), W_L X) + X)."""
    x, dim = example.tolist(), example.shape[1]
    y = transposed(layer.project.weight.tolist())
    products = product(product(x, transposed(x)), y)
    normed = layer_norm([value for row in products for value in row], layer.fm_norm)
    flat = perceptron(layer, normed)
    fm = [flat[token * dim : (token + 1) * dim] for token in range(fm_tokens)]
    both = fm + product(layer.lcb.weight.tolist(), x)
    residual = x if len(both) == len(x) else product(layer.residual.weight.tolist(), x)
    return [
        layer_norm([a + b for a, b in zip(one, other, strict=True)], layer.norm)
        for one, other in zip(both, residual, strict=True)
    ]


@pytest.mark.parametrize("hidden", [(), (5,), (5, 6)])
@pytest.mark.parametrize(
    ("num_tokens", "fm_tokens", "lcb_tokens"), [(4, 1, 3), (3, 2, 3), (1, 1, 1)]
)
def test_it_equals_the_equations(drawn, num_tokens, fm_tokens, lcb_tokens, hidden):
    layer = drawn(
        WukongLayer(
            num_tokens, 4, fm_tokens=fm_tokens, lcb_tokens=lcb_tokens, rank=2, hidden=hidden
        )
    )
    tokens = torch.randn(2, num_tokens, 4, dtype=torch.float64)
    found = layer(tokens)
    assert found.shape == (2, layer.out_tokens, 4) == (2, fm_tokens + lcb_tokens, 4)
    for example, result in zip(tokens, found, strict=True):
        for row, expected in zip(result, wukong(layer, example, fm_tokens), strict=True):
            assert row.tolist() == pytest.approx(expected)
