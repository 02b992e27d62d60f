import pytest
import torch

from smt.layers.interactions.cross import CrossInteraction


def crossed(layer, example):
    """One example `[F, D]` by the equations: x_{l+1} = x_0 * (W_l x_l + b_l) + x_l."""
    first = [float(value) for value in example.flatten()]
    hidden = first
    cross = layer.cross
    for number in range(len(cross.bias)):
        if hasattr(cross, "kernels"):
            matrix = cross.kernels[number].tolist()
        else:
            matrix = (cross.W_kernels[number] @ cross.V_kernels[number]).tolist()
        bias = cross.bias[number].flatten().tolist()
        hidden = [
            first[i] * (sum(matrix[i][j] * hidden[j] for j in range(len(first))) + bias[i])
            + hidden[i]
            for i in range(len(first))
        ]
    return torch.tensor(hidden, dtype=torch.float64).view(example.shape)


@pytest.mark.parametrize("num_tokens", [1, 3])
@pytest.mark.parametrize("rank", [None, 1, 5])
def test_it_equals_the_equation(drawn, num_tokens, rank):
    layer = drawn(CrossInteraction(num_tokens, 4, layers=2, rank=rank))
    tokens = torch.randn(3, num_tokens, 4, dtype=torch.float64)
    expected = torch.stack([crossed(layer, example) for example in tokens])
    torch.testing.assert_close(layer(tokens), expected)
    assert layer.out_tokens == num_tokens


def test_a_low_rank_has_fewer_parameters_than_the_full_matrix():
    def size(rank):
        layer = CrossInteraction(6, 4, layers=2, rank=rank)
        return sum(parameter.numel() for parameter in layer.parameters())

    assert size(None) == 2 * (24 * 24 + 24)
    assert size(3) == 2 * (2 * 3 * 24 + 24)
