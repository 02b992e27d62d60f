import math

import pytest
import torch
import torch.distributed as dist
from pydantic import TypeAdapter, ValidationError
from torch import nn
from torch.distributed.fsdp import fully_shard
from torchrec.modules.crossnet import LowRankCrossNet

from smt.layers.heads import EventLogits
from smt.template.optimizers import (
    AdagradSpec,
    AdamSpec,
    AdamWSpec,
    DenseOptimizer,
    MuonSpec,
    SGDSpec,
)
from smt.training.optimizers import clip_gradients, dense_optimizers, hidden_matrices

SPECS = [AdamSpec(), AdamWSpec(), MuonSpec(), SGDSpec(), AdagradSpec()]


@pytest.fixture
def lone_worker():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.positions = nn.Embedding(3, 4)
        self.norm = nn.LayerNorm((3, 4))
        self.cross = LowRankCrossNet(12, num_layers=1, low_rank=2)
        self.over = nn.Linear(12, 6)
        self.score = nn.Linear(6, 1)
        self.head = EventLogits(2, 6)

    def forward(self, tokens):
        tokens = self.norm(tokens + self.positions.weight)
        hidden = self.over(self.cross(tokens.flatten(1))).relu()
        weighed = hidden * self.score(hidden).sigmoid()
        return self.head(weighed.unsqueeze(1).expand(-1, 2, -1))


def made(network, spec, rate=0.05):
    hidden = hidden_matrices(network)
    return dense_optimizers(network.named_parameters(), spec, rate=rate, hidden=hidden)


def step(network, optimizers, seed):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(16, 3, 4, generator=generator)
    labels = (torch.rand(16, 2, generator=generator) < 0.3).float()
    network.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(network(tokens), labels)
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    return loss.item()


def literal_update(kind, spec, rate, gradients, value):
    """The value of one parameter after steps with these gradients, by the papers' equations."""
    value, first, second = value.double(), 0.0, 0.0
    if kind == "adagrad":
        second = spec.initial_accumulator
    for t, gradient in enumerate(gradients, start=1):
        gradient = gradient.double()
        if kind == "sgd":
            first = spec.momentum * first + gradient
            value = value - rate * first
        elif kind == "adagrad":
            second = second + gradient**2
            value = value - rate * gradient / (second.sqrt() + spec.eps)
        else:
            if kind == "adamw" and value.dim() > 1:
                value = value - rate * spec.weight_decay * value
            b1, b2 = spec.betas
            first = b1 * first + (1 - b1) * gradient
            second = b2 * second + (1 - b2) * gradient**2
            scale = (second / (1 - b2**t)).sqrt() + spec.eps
            value = value - rate * first / (1 - b1**t) / scale
    return value


@pytest.mark.parametrize(
    "spec",
    [
        AdamSpec(betas=(0.8, 0.95), eps=1e-4),
        AdamWSpec(weight_decay=0.3, betas=(0.7, 0.9), eps=1e-5),
        SGDSpec(momentum=0.6),
        AdagradSpec(initial_accumulator=0.2, eps=1e-3),
    ],
    ids=lambda spec: spec.kind,
)
def test_updates_follow_their_equations(spec):
    network = Small()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    gradients = {name: [] for name in before}
    optimizers = made(network, spec)
    for seed in range(4):
        step(network, optimizers, seed)
        for name, parameter in network.named_parameters():
            gradients[name].append(parameter.grad.clone())
    for name, parameter in network.named_parameters():
        expected = literal_update(spec.kind, spec, 0.05, gradients[name], before[name])
        torch.testing.assert_close(parameter.double(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_every_parameter_is_updated_by_exactly_one_optimizer(spec):
    network = Small()
    optimizers = made(network, spec)
    held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
    before = [p.detach().clone() for p in network.parameters()]
    step(network, optimizers, 0)
    pairs = zip(before, network.parameters(), strict=True)
    assert not any(torch.equal(old, new) for old, new in pairs)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_a_network_learns_with_every_optimizer(spec):
    torch.manual_seed(0)
    network = Small()
    optimizers = made(network, spec, rate=0.02)
    losses = [step(network, optimizers, 1) for _ in range(40)]
    assert losses[-1] < losses[0] - 0.05


def test_muon_updates_hidden_matrices_and_adam_the_rest():
    network = Small()
    muon, adam = made(network, MuonSpec(adam_rate=0.003), rate=0.05)
    names = {id(p): name for name, p in network.named_parameters()}
    assert {names[id(p)] for p in muon.param_groups[0]["params"]} == {
        "cross.V_kernels.0",
        "cross.W_kernels.0",
        "over.weight",
    }
    assert (muon.param_groups[0]["lr"], adam.param_groups[0]["lr"]) == (0.05, 0.003)


@pytest.mark.parametrize(
    ("scaling", "size"),
    [("original", math.sqrt(6 / 3)), ("match_rms_adamw", 0.2 * math.sqrt(6))],
)
def test_a_step_of_muon_has_near_equal_singular_values_whatever_the_gradient(scaling, size):
    network = nn.Linear(3, 6, bias=False)
    before = network.weight.detach().clone()
    spec = MuonSpec(scaling=scaling, momentum=0.0, nesterov=False)
    (muon,) = made(network, spec, rate=0.1)
    network.weight.grad = torch.randn(6, 3) @ torch.diag(torch.tensor([10.0, 1.0, 0.3]))
    muon.step()
    values = torch.linalg.svdvals((before - network.weight).detach()) / (0.1 * size)
    # The iteration's coefficients bring singular values into (0.68, 1.13), in bfloat16.
    assert values.min() > 0.6
    assert values.max() < 1.25


def test_muon_without_a_hidden_matrix_is_refused():
    with pytest.raises(ValueError, match="no parameter is a hidden matrix"):
        made(EventLogits(2, 3), MuonSpec())


def test_weight_decay_leaves_vectors_alone():
    network = Small()
    (adamw,) = made(network, AdamWSpec(weight_decay=0.5))
    decayed = {id(p): g["weight_decay"] for g in adamw.param_groups for p in g["params"]}
    for parameter in (network.head.bias, network.over.bias, network.cross.bias[0]):
        assert decayed[id(parameter)] == 0.0
    assert decayed[id(network.over.weight)] == 0.5


def test_weight_decay_of_a_network_without_vectors_is_that_of_matrices():
    network = nn.Linear(3, 2, bias=False)
    before = network.weight.detach().clone()
    network.weight.grad = torch.zeros(2, 3)
    (adamw,) = made(network, AdamWSpec(weight_decay=0.5), rate=0.1)
    adamw.step()
    torch.testing.assert_close(network.weight.detach(), before * (1 - 0.1 * 0.5))


def test_clipping_scales_all_gradients_by_one_factor_and_only_when_too_large():
    network = Small()
    step(network, [], 0)
    before = [p.grad.clone() for p in network.parameters()]
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in before))
    assert clip_gradients(network.parameters(), 2 * norm).item() == pytest.approx(norm)
    for gradient, parameter in zip(before, network.parameters(), strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert clip_gradients(network.parameters(), norm / 4).item() == pytest.approx(norm)
    for gradient, parameter in zip(before, network.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, gradient / 4, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_sharded_parameters_are_updated_like_whole_ones(spec, lone_worker):
    whole, sharded = Small(), Small()
    sharded.load_state_dict(whole.state_dict())
    fully_shard(sharded)
    for network in (whole, sharded):
        optimizers = made(network, spec)
        for seed in range(3):
            step(network, optimizers, seed)
            norm = clip_gradients(network.parameters(), 1.0)
            assert type(norm) is torch.Tensor
    for one, other in zip(whole.parameters(), sharded.parameters(), strict=True):
        torch.testing.assert_close(other.full_tensor(), one.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_specs_come_back_from_plain_data_by_kind(spec):
    assert TypeAdapter(DenseOptimizer).validate_python(spec.to_dict()) == spec


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "shampoo"},
        {"kind": "adam", "betas": [0.9, 1.0]},
        {"kind": "adamw", "weight_decay": -0.1},
        {"kind": "muon", "steps": 100},
        {"kind": "sgd", "nesterov": True},
    ],
)
def test_impossible_specs_are_refused(values):
    with pytest.raises(ValidationError):
        TypeAdapter(DenseOptimizer).validate_python(values)
