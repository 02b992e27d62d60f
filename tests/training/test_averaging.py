import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard

from smt.training.averaging import Averaged


@pytest.fixture
def lone_worker():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9])
def test_an_average_follows_its_recurrence(decay):
    parameters = [nn.Parameter(torch.randn(3, 2).double()), nn.Parameter(torch.randn(4).double())]
    expected = [parameter.tolist() for parameter in parameters]
    averaged = Averaged(parameters, decay)
    for t in range(30):
        for parameter in parameters:
            parameter.data.normal_()
        averaged.update()
        kept = min(decay, (1 + t) / (10 + t))
        expected = [
            (kept * torch.tensor(old).double() + (1 - kept) * parameter.detach()).tolist()
            for old, parameter in zip(expected, parameters, strict=True)
        ]
    for value, wanted in zip(averaged.values, expected, strict=True):
        torch.testing.assert_close(value, torch.tensor(wanted).double())


def test_the_network_predicts_with_averages_within_and_with_its_own_values_after():
    network, inputs = nn.Linear(3, 2), torch.randn(5, 3)
    averaged = Averaged(network.parameters(), 0.9)
    for parameter in network.parameters():
        parameter.data.normal_()
    averaged.update()
    own = network.weight.detach().clone()
    weight, bias = (value.clone() for value in averaged.values)
    averaged.exchange()
    torch.testing.assert_close(network(inputs), inputs @ weight.T + bias)
    assert not torch.equal(own, network.weight)
    averaged.exchange()
    assert torch.equal(own, network.weight)
    assert torch.equal(weight, averaged.values[0])


def test_averaging_does_not_disturb_training():
    def losses(averages):
        torch.manual_seed(0)
        network = nn.Linear(3, 1)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.1, fused=True)
        averaged = Averaged(network.parameters(), 0.9)
        for _ in range(5):
            optimizer.zero_grad()
            loss = network(torch.randn(8, 3)).square().mean()
            loss.backward()
            optimizer.step()
            if averages:
                averaged.update()
            yield loss.item()

    assert list(losses(True)) == list(losses(False))


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(ValueError, match="decay"):
        Averaged([], decay)


def test_sharded_parameters_are_averaged_like_whole_ones(lone_worker):
    whole, sharded = nn.Linear(3, 2), nn.Linear(3, 2)
    sharded.load_state_dict(whole.state_dict())
    fully_shard(sharded, reshard_after_forward=True)
    inputs, found = torch.randn(5, 3), []
    for network in (whole, sharded):
        averaged = Averaged(network.parameters(), 0.9)
        for parameter in network.parameters():
            parameter.data.mul_(3.0)
        averaged.update()
        averaged.exchange()
        found.append(network(inputs))
    torch.testing.assert_close(found[1], found[0])
