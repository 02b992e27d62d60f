import copy
import math

import pytest
import torch
from torch import nn
from torchrec import PoolingType

from smt.layers.initialize import initialize
from smt.layers.interactions.cross import CrossInteraction
from smt.layers.mlp import MLP, ResidualMLP
from smt.layers.tables import PooledTables, Table
from smt.layers.weighers import PositionWeights


def tables_of(**rows):
    return {name: Table(count, (name,)) for name, count in rows.items()}


def values_of(module):
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


class Small(nn.Module):
    def __init__(self, *extra):
        super().__init__()
        self.extra = nn.ModuleList(extra)
        tables = tables_of(a=50, b=7)
        self.tables = PooledTables(tables, 4, pooling=PoolingType.SUM, learning_rate=0.1)
        self.cross = CrossInteraction(2, 4, layers=2, rank=3)
        self.full_cross = CrossInteraction(2, 4, layers=2, rank=None)
        self.over = MLP(8, (6, 5))


def test_values_depend_on_name_and_seed_and_not_on_other_modules():
    plain, more = Small(), Small(MLP(3, (2,)), ResidualMLP(4, 4, 1))
    torch.rand(17)
    initialize(plain, 5)
    torch.rand(3)
    initialize(more, 5)
    shared = values_of(more)
    for name, value in values_of(plain).items():
        assert torch.equal(value, shared[name]), name


def test_every_parameter_is_drawn_anew_and_another_seed_draws_others():
    network = Small()
    made = values_of(network)
    initialize(network, 0)
    first = values_of(network)
    initialize(network, 1)
    for name, value in values_of(network).items():
        if "bias" in name:
            assert not value.any()
            continue
        assert not torch.equal(value, first[name]), name
        assert not torch.equal(made[name], first[name]), name


def test_values_have_the_ranges_that_torch_and_torchrec_give():
    network = Small()
    initialize(network, 0)
    values = values_of(network)
    for name, bound in (
        ("tables.tables.embedding_bags.a.weight", 1 / math.sqrt(50)),
        ("tables.tables.embedding_bags.b.weight", 1 / math.sqrt(7)),
        ("over.0.weight", 1 / math.sqrt(8)),
    ):
        assert values[name].abs().max() <= bound
        assert values[name].abs().max() > bound / 2
    for cross, fans in (("cross.", 3 + 8), ("full_cross.", 8 + 8)):
        kernels = [
            value.flatten()
            for name, value in values.items()
            if name.startswith(cross) and "kernels" in name
        ]
        assert torch.cat(kernels).std().item() == pytest.approx(math.sqrt(2 / fans), rel=0.3)


def test_a_bias_does_not_depend_on_the_fan_in():
    narrow, wide = MLP(3, (5,)), MLP(30, (5,))
    for network in (narrow, wide):
        initialize(network, 0)
    assert torch.equal(narrow[0].bias, wide[0].bias)


def test_tables_of_one_shape_differ():
    tables = PooledTables(tables_of(a=9, b=9), 4, pooling=PoolingType.SUM, learning_rate=0.1)
    initialize(tables, 0)
    a, b = tables.tables.state_dict().values()
    assert not torch.equal(a, b)


def test_what_starts_at_fixed_values_keeps_them():
    network = nn.ModuleDict(
        {
            "norm": nn.LayerNorm(3),
            "weights": PositionWeights(4, 2.0),
            "batch": nn.BatchNorm1d(3, affine=False),
        }
    )
    before = copy.deepcopy(values_of(network))
    initialize(network, 0)
    for name, value in values_of(network).items():
        assert torch.equal(value, before[name])


def test_a_module_without_a_rule_is_refused_by_name():
    with pytest.raises(TypeError, match=r"no initial values .* Conv1d 'deep\.conv'"):
        initialize(nn.ModuleDict({"deep": nn.ModuleDict({"conv": nn.Conv1d(1, 1, 1)})}), 0)
