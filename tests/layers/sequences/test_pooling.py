import pytest
import torch
from ragged import alone, drawn, exported, parts, ragged
from torch.utils.flop_counter import FlopCounterMode

from smt.layers.sequences.pooling import (
    AttentionPooler,
    MeanPooler,
    SumPooler,
    TargetAttention,
)

torch.set_num_threads(1)
POOLERS = {
    "mean": lambda: MeanPooler(),
    "sum": lambda: SumPooler(),
    "attention": lambda: AttentionPooler(4, hidden=6),
    "target": lambda: TargetAttention(4, hidden=(6, 5)),
    "shallow target": lambda: TargetAttention(4, hidden=()),
}
every_pooler = pytest.mark.parametrize("name", POOLERS)


def targets(count):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 4, dtype=torch.float64, generator=generator)


def test_mean_and_sum_are_those_of_each_list():
    lists = ragged()
    for mean, total, steps in zip(
        MeanPooler()(lists), SumPooler()(lists), parts(lists), strict=True
    ):
        torch.testing.assert_close(total, steps.sum(dim=0))
        torch.testing.assert_close(mean, steps.sum(dim=0) / max(len(steps), 1))


def test_attention_is_a_softmax_of_a_query_with_a_hidden_layer_of_each_step():
    pooler = drawn(AttentionPooler(4, hidden=6))
    lists = ragged()
    for found, steps in zip(pooler(lists), parts(lists), strict=True):
        hidden = [torch.tanh(pooler.hidden.weight @ x + pooler.hidden.bias) for x in steps]
        exponents = [torch.exp(pooler.query.weight[0] @ u) for u in hidden]
        weighted = [e / sum(exponents) * x for e, x in zip(exponents, steps, strict=True)]
        torch.testing.assert_close(found, sum(weighted, torch.zeros(4, dtype=torch.float64)))


def test_target_attention_weighs_each_step_by_what_it_has_to_do_with_the_target():
    pooler = drawn(TargetAttention(4, hidden=(6, 5)))
    first, first_relu, second, second_relu, last = pooler.activation
    lists, target = ragged(), targets(4)
    for found, steps, t in zip(pooler(lists, target), parts(lists), target, strict=True):
        weights = []
        for x in steps:
            hidden = torch.cat([x, t, x - t, x * t])
            for linear, relu in ((first, first_relu), (second, second_relu)):
                hidden = linear.weight @ hidden + linear.bias
                hidden = torch.where(hidden > 0, hidden, relu.weight * hidden)
            weights.append((last.weight @ hidden + last.bias)[0])
        expected = torch.zeros(4, dtype=torch.float64)
        for weight, x in zip(weights, steps, strict=True):
            expected = expected + weight * x
        torch.testing.assert_close(found, expected)


def test_target_attention_without_a_target_is_refused():
    with pytest.raises(ValueError, match="needs a 'target'"):
        TargetAttention(4, hidden=())(ragged())


def test_attention_without_a_hidden_layer_is_refused():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        AttentionPooler(4, hidden=0)


@every_pooler
def test_a_list_is_pooled_as_if_it_were_alone_and_to_zero_where_it_is_empty(name):
    pooler = drawn(POOLERS[name]())
    lists, target = ragged(), targets(4)
    found = pooler(lists, target)
    for row, steps in enumerate(parts(lists)):
        by_itself = pooler(alone(steps), target[row : row + 1])
        torch.testing.assert_close(found[row : row + 1], by_itself)
    assert not found[1].any()


@every_pooler
def test_poolers_export_for_any_lists(name):
    pooler = drawn(POOLERS[name]())
    program = exported(
        pooler, *ragged(), targets(4) if isinstance(pooler, TargetAttention) else None
    )
    for lengths in ([2, 7], [0, 4, 0, 0, 1], [0, 0]):
        lists = ragged(lengths)
        target = targets(len(lengths)) if isinstance(pooler, TargetAttention) else None
        torch.testing.assert_close(program(*lists, target), pooler(lists, target))


def test_learned_poolers_products_are_counted():
    for pooler, flops in (
        (AttentionPooler(4, hidden=6), 9 * 2 * (4 * 6 + 6)),
        (TargetAttention(4, hidden=(6,)), 9 * 2 * (16 * 6 + 6)),
    ):
        with FlopCounterMode(display=False) as counter:
            pooler.double()(ragged(), targets(4))
        assert counter.get_total_flops() == flops
