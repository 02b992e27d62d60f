import pytest
import torch

from smt.layers.initialize import initialize
from smt.layers.sequences.hstu import HSTUEncoder
from smt.layers.sequences.pooling import AttentionPooler, TargetAttention
from smt.layers.sequences.self_attention import SelfAttentionEncoder
from smt.layers.sequences.steps import EventSteps

MODULES = [
    lambda: EventSteps(4, num_events=3, time_buckets=6),
    lambda: AttentionPooler(4, hidden=6),
    lambda: TargetAttention(4, hidden=(6, 5)),
    lambda: SelfAttentionEncoder(4, layers=2, heads=2, max_length=8),
    lambda: HSTUEncoder(4, layers=2, heads=2, max_length=8, time_buckets=6),
]


@pytest.mark.parametrize("make", MODULES)
def test_the_seed_gives_every_parameter_its_initial_value(make):
    first, second = make(), make()
    initialize(first, 3)
    initialize(second, 3)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("make", MODULES)
def test_modules_can_be_made_without_memory(make):
    with torch.device("meta"):
        assert all(parameter.is_meta for parameter in make().parameters())
