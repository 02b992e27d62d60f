import torch

from smt.layers.interaction import CrossInteraction, DotInteraction, ParallelInteractions


def test_dot_interaction_is_the_first_token_and_every_pairs_product_once():
    tokens = torch.randn(5, 4, 3, dtype=torch.float64)
    layer = DotInteraction(4, 3)
    found = layer(tokens)
    assert found.shape == (5, layer.out_features) == (5, 3 + 6)
    for example, row in zip(tokens, found, strict=True):
        pairs = [float(example[i] @ example[j]) for i in range(4) for j in range(i)]
        assert torch.equal(row[:3], example[0])
        torch.testing.assert_close(
            row[3:].sort().values, torch.tensor(sorted(pairs), dtype=torch.float64)
        )


def test_dot_interaction_of_a_single_token_is_the_token():
    tokens = torch.randn(2, 1, 3)
    layer = DotInteraction(1, 3)
    assert torch.equal(layer(tokens), tokens[:, 0])
    assert layer.out_features == 3


def test_cross_layers_equal_their_equation_in_float64():
    layer = CrossInteraction(3, 4, layers=2, rank=5).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    tokens = torch.randn(6, 3, 4, dtype=torch.float64)
    first = tokens.reshape(6, 12)
    hidden = first
    for number in range(2):
        v, w = layer.cross.V_kernels[number], layer.cross.W_kernels[number]
        assert (tuple(v.shape), tuple(w.shape)) == ((5, 12), (12, 5))
        inner = torch.einsum("ij,bj->bi", w @ v, hidden) + layer.cross.bias[number]
        hidden = first * inner + hidden
    torch.testing.assert_close(layer(tokens), hidden)
    assert layer.out_features == 12


def test_parallel_interactions_are_side_by_side():
    dot, cross = DotInteraction(3, 4), CrossInteraction(3, 4, layers=1, rank=2)
    both = ParallelInteractions([dot, cross])
    tokens = torch.randn(5, 3, 4)
    assert torch.equal(both(tokens), torch.cat([dot(tokens), cross(tokens)], dim=1))
    assert both.out_features == dot.out_features + cross.out_features
