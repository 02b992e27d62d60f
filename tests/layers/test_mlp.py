import torch
from torch import nn

from smt.layers.mlp import MLP, ResidualMLP


def test_mlp_is_linear_layers_with_relu():
    layer = MLP(5, (7, 3)).double()
    inputs = torch.randn(4, 5, dtype=torch.float64)
    hidden = inputs
    for linear in (layer[0], layer[2]):
        hidden = (hidden @ linear.weight.T + linear.bias).clamp(min=0)
    torch.testing.assert_close(layer(inputs), hidden)
    assert layer.out_features == 3


def literal_norm(values, norm):
    centred = values - values.mean(dim=1, keepdim=True)
    variance = (centred**2).mean(dim=1, keepdim=True)
    return centred / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias


def test_residual_mlp_is_pre_norm_blocks_after_a_projection():
    layer = ResidualMLP(5, width=6, depth=3).double()
    for module in layer.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    inputs = torch.randn(4, 5, dtype=torch.float64)
    hidden = inputs @ layer.project.weight.T + layer.project.bias
    for norm, first, _, second in layer.blocks:
        inner = literal_norm(hidden, norm) @ first.weight.T + first.bias
        hidden = hidden + inner.clamp(min=0) @ second.weight.T + second.bias
    torch.testing.assert_close(layer(inputs), literal_norm(hidden, layer.norm))
    assert len(layer.blocks) == 3
    assert layer.out_features == 6
