"""What holds of every interaction, whichever it is."""

import copy

import pytest
import torch
from torch import nn

from smt.layers.initialize import initialize
from smt.layers.interactions.cross import CrossInteraction
from smt.layers.interactions.dhen import DHENLayer
from smt.layers.interactions.dot import DotInteraction
from smt.layers.interactions.gate import BilinearInteraction, BilinearPairs, SENetGate
from smt.layers.interactions.mask import MaskBlocks
from smt.layers.interactions.self_attention import SelfAttentionInteraction
from smt.layers.interactions.stack import Parallel, Stack
from smt.layers.interactions.wukong import WukongLayer


def wukong(num_tokens, dim, **changed):
    options = {"fm_tokens": 2, "lcb_tokens": 1, "rank": 2, "hidden": (5,), **changed}
    return WukongLayer(num_tokens, dim, **options)


def mask(num_tokens, dim, **changed):
    options = {"blocks": 2, "reduction": 1.5, "tokens": 2, "mode": "serial", **changed}
    return MaskBlocks(num_tokens, dim, **options)


def cross(num_tokens, dim, **changed):
    return CrossInteraction(num_tokens, dim, **{"layers": 2, "rank": 3, **changed})


def attention(num_tokens, dim, **changed):
    return SelfAttentionInteraction(num_tokens, dim, **{"heads": 2, "layers": 2, **changed})


def bilinear(num_tokens, dim, **changed):
    options = {"gate_reduction": 2, "form": "each", "tokens": 3, **changed}
    return BilinearInteraction(num_tokens, dim, **options)


def senet(num_tokens, dim, **changed):
    return SENetGate(num_tokens, dim, **{"reduction": 2, **changed})


def dhen(num_tokens, dim, **changed):
    modules = [DotInteraction(num_tokens, dim), cross(num_tokens, dim)]
    return DHENLayer(num_tokens, dim, **{"modules": modules, "tokens": 2, **changed})


def parallel(num_tokens, dim):
    modules = [DotInteraction(num_tokens, dim), senet(num_tokens, dim)]
    return Parallel(num_tokens, dim, modules=modules)


def stack(num_tokens, dim):
    first = wukong(num_tokens, dim)
    return Stack(num_tokens, dim, modules=[first, attention(first.out_tokens, dim)])


MAKERS = {
    "dot": DotInteraction,
    "cross": cross,
    "full cross": lambda num_tokens, dim: cross(num_tokens, dim, rank=None),
    "dhen": dhen,
    "wukong": wukong,
    "serial mask": mask,
    "parallel mask": lambda num_tokens, dim: mask(num_tokens, dim, mode="parallel"),
    "senet": senet,
    "bilinear pairs": lambda num_tokens, dim: BilinearPairs(num_tokens, dim, form="all"),
    "bilinear": bilinear,
    "attention": attention,
    "parallel": parallel,
    "stack": stack,
}
# Pairs need two tokens: these go first in no stack of one token.
PAIRED = ("bilinear", "bilinear pairs")
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def in_a_network(layer):
    return nn.ModuleDict({"interaction": layer})


@every
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_it_gives_the_tokens_that_it_says(make, batch):
    for num_tokens in (2, 3, 6):
        layer = make(num_tokens, 4)
        assert layer(torch.randn(batch, num_tokens, 4)).shape == (batch, layer.out_tokens, 4)
        assert layer.reads_sequences is False


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in PAIRED])
def test_it_takes_a_single_token(name):
    layer = MAKERS[name](1, 4)
    assert layer(torch.randn(3, 1, 4)).shape == (3, layer.out_tokens, 4)


@every
def test_its_gradients_are_those_of_finite_differences(make, drawn):
    layer = drawn(make(3, 4))
    tokens = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    # A ReLU's kink would need a value within 1e-6 of zero.
    assert torch.autograd.gradcheck(layer, (tokens,), fast_mode=True)


@every
def test_every_parameter_gets_a_finite_gradient(make):
    layer = make(3, 4)
    initialize(in_a_network(layer), 0)
    tokens = torch.randn(64, 3, 4, requires_grad=True)
    layer(tokens).square().sum().backward()
    for name, value in (("tokens", tokens), *layer.named_parameters()):
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name


@every
def test_an_example_does_not_depend_on_the_others_of_its_batch(make):
    layer = make(3, 4)
    tokens = torch.randn(5, 3, 4)
    torch.testing.assert_close(layer(tokens)[2:3], layer(tokens[2:3]))


@every
def test_one_seed_draws_the_same_values_twice_and_another_seed_does_not(make):
    first, second, third = (in_a_network(make(3, 4)) for _ in range(3))
    made = copy.deepcopy(first.state_dict())
    for network, seed in ((first, 7), (second, 7), (third, 8)):
        initialize(network, seed)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
        if "norm" not in name and "bias" not in name:
            assert not torch.equal(value, third.state_dict()[name]), name
            assert not torch.equal(value, made[name]), name


@every
def test_it_can_be_made_without_memory(make):
    with torch.device("meta"):
        layer = make(3, 4)
        assert layer(torch.randn(2, 3, 4)).shape == (2, layer.out_tokens, 4)


@every
def test_it_exports_with_any_batch(make):
    layer = make(3, 4).eval()
    exported = torch.export.export(
        layer, (torch.randn(4, 3, 4),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    ).module()
    for batch in (1, 7):
        tokens = torch.randn(batch, 3, 4)
        torch.testing.assert_close(exported(tokens), layer(tokens))


@pytest.mark.parametrize("first", MAKERS)
def test_any_follows_it(first):
    below = MAKERS[first](3, 4)
    tokens = torch.randn(2, 3, 4)
    for name, make in MAKERS.items():
        if below.out_tokens == 1 and name in PAIRED:
            continue
        above = make(below.out_tokens, 4)
        both = Stack(3, 4, modules=[below, above])
        assert torch.equal(both(tokens), above(below(tokens))), name
        assert both(tokens).shape == (2, above.out_tokens, 4), name


@pytest.mark.parametrize("make", [dhen, mask, bilinear])
def test_no_output_tokens_are_refused(make):
    with pytest.raises(ValueError, match="'out_tokens' must be at least 1, not 0"):
        make(3, 4, tokens=0)


@every
@pytest.mark.parametrize(("num_tokens", "dim"), [(0, 4), (3, 0)])
def test_no_tokens_and_no_width_are_refused(make, num_tokens, dim):
    with pytest.raises(ValueError, match="must be at least"):
        make(num_tokens, dim)
