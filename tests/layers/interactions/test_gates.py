import pytest
import torch

from smt.layers.interactions.gate import BilinearInteraction, BilinearPairs, SENetGate


def relu_linear(weight, values):
    return [max(0.0, sum(w * v for w, v in zip(row, values, strict=True))) for row in weight]


def gated(gate, example):
    """ReLU(W2 ReLU(W1 z)), z the mean of each token; each token times its weight."""
    means = [sum(token) / len(token) for token in example]
    first, second = gate.excite[0].weight.tolist(), gate.excite[2].weight.tolist()
    weights = relu_linear(second, relu_linear(first, means))
    return [
        [weight * value for value in token] for weight, token in zip(weights, example, strict=True)
    ]


def matrix_of(pairs, token):
    """W with rows for v_i's values: v_i W."""
    if hasattr(pairs.left, "in_features"):
        return pairs.left.weight.T.tolist()
    return pairs.left.weight[token].tolist()


def bilinear(pairs, example):
    """(v_i W) * v_j for i < j."""
    products = []
    for i in range(len(example)):
        for j in range(i + 1, len(example)):
            matrix = matrix_of(pairs, i)
            left = [
                sum(example[i][k] * matrix[k][d] for k in range(len(matrix)))
                for d in range(len(matrix))
            ]
            products.append([a * b for a, b in zip(left, example[j], strict=True)])
    return products


@pytest.mark.parametrize(("num_tokens", "reduction"), [(1, 3), (2, 1), (5, 2), (4, 9)])
def test_the_gate_equals_the_equations(drawn, num_tokens, reduction):
    layer = drawn(SENetGate(num_tokens, 3, reduction=reduction))
    # Else a small gate may be closed for all examples.
    layer.excite[2].weight.data.abs_()
    assert layer.excite[0].out_features == max(1, num_tokens // reduction)
    tokens = torch.randn(8, num_tokens, 3, dtype=torch.float64)
    found = layer(tokens)
    assert found.any()
    expected = [gated(layer, example) for example in tokens.tolist()]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    assert layer.out_tokens == num_tokens


@pytest.mark.parametrize("num_tokens", [2, 5])
@pytest.mark.parametrize("kind", ["all", "each"])
def test_pairs_equal_the_equation(drawn, kind, num_tokens):
    layer = drawn(BilinearPairs(num_tokens, 3, form=kind))
    tokens = torch.randn(4, num_tokens, 3, dtype=torch.float64)
    expected = [bilinear(layer, example) for example in tokens.tolist()]
    torch.testing.assert_close(layer(tokens), torch.tensor(expected, dtype=torch.float64))
    assert layer.out_tokens == num_tokens * (num_tokens - 1) // 2


@pytest.mark.parametrize("num_tokens", [2, 4])
@pytest.mark.parametrize("kind", ["all", "each"])
def test_all_products_of_tokens_and_gated_tokens_are_weighed(drawn, kind, num_tokens):
    layer = drawn(BilinearInteraction(num_tokens, 3, gate_reduction=2, form=kind, tokens=2))
    tokens = torch.randn(4, num_tokens, 3, dtype=torch.float64)
    expected = []
    for example in tokens.tolist():
        products = bilinear(layer.plain_pairs, example)
        products += bilinear(layer.gated_pairs, gated(layer.gate, example))
        expected.append(
            [
                [sum(w * p[d] for w, p in zip(row, products, strict=True)) for d in range(3)]
                for row in layer.compress.weight.tolist()
            ]
        )
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(layer(tokens), expected)
    assert layer.out_tokens == 2


def test_pairs_of_one_token_are_refused():
    with pytest.raises(ValueError, match="'out_tokens' must be at least 1, not 0"):
        BilinearInteraction(1, 3, gate_reduction=1, form="all", tokens=1)
