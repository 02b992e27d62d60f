import numpy as np
import pytest
import torch
from torchrec import KeyedJaggedTensor, PoolingType

from smt.layers.tables import PooledTables
from smt.layers.weighers import FrequencyGate, PositionWeights

LISTS = {"a": [[0, 1], [], [2, 2, 3]], "b": [[4], [0, 0], [1]]}
SIZES = {"a": 6, "b": 5}
RATE = 0.1


def keyed(lists=LISTS):
    rows = [row for each in lists.values() for row in each]
    return KeyedJaggedTensor(
        keys=list(lists),
        values=torch.tensor([id_ for row in rows for id_ in row], dtype=torch.int64),
        lengths=torch.tensor([len(row) for row in rows], dtype=torch.int32),
    )


def make(pooling=PoolingType.MEAN, weighers=None):
    torch.manual_seed(0)
    return PooledTables(SIZES, 4, pooling=pooling, learning_rate=RATE, weighers=weighers)


def rows_of(tables):
    return {
        name.split(".")[-2]: weight.detach().clone()
        for name, weight in tables.tables.state_dict().items()
    }


def literal_pool(table, row, pooling, weights=None):
    if not row:
        return torch.zeros(4)
    weights = torch.ones(len(row)) if weights is None else weights
    total = (table[row] * weights[:, None]).sum(dim=0)
    return total / len(row) if pooling == PoolingType.MEAN else total


@pytest.mark.parametrize("pooling", [PoolingType.SUM, PoolingType.MEAN])
def test_a_token_is_the_sum_or_mean_of_its_lists_rows(pooling):
    tables = make(pooling)
    found, rows = tables(keyed()), rows_of(tables)
    assert found.shape == (3, 2, 4)
    for position, (name, lists) in enumerate(LISTS.items()):
        for example, row in enumerate(lists):
            expected = literal_pool(rows[name], row, pooling)
            torch.testing.assert_close(found[example, position], expected)


def test_weighted_pooling_is_the_sum_of_weighted_rows_over_the_lists_length():
    weighers = {name: [PositionWeights(2, 1.0)] for name in SIZES}
    tables = make(weighers=weighers)
    found, rows = tables(keyed()), rows_of(tables)
    for position, (name, lists) in enumerate(LISTS.items()):
        for example, row in enumerate(lists):
            weights = torch.tensor([1.0, 0.5, 0.5])[: len(row)]
            expected = literal_pool(rows[name], row, PoolingType.MEAN, weights)
            torch.testing.assert_close(found[example, position], expected)


def test_position_weights_with_an_endless_half_life_start_as_plain_mean_pooling():
    plain = make()
    weighted = make(weighers={name: [PositionWeights(2, 1e12)] for name in SIZES})
    weighted.tables.load_state_dict(plain.tables.state_dict())
    torch.testing.assert_close(weighted(keyed()), plain(keyed()), rtol=0, atol=1e-7)


def test_several_weighers_multiply():
    gate = FrequencyGate(6, 1.0)
    other = FrequencyGate(5, 1.0)
    tables = make(weighers={"a": [PositionWeights(4, 1.0), gate], "b": [other]})
    weights = tables.weigh(keyed()).weights()
    counts = {0: 1, 1: 1, 2: 2, 3: 1}
    ids = [(0, 0), (1, 1), (2, 0), (2, 1), (3, 2)]
    expected = [0.5**place * counts[id_] / (counts[id_] + 1) for id_, place in ids]
    torch.testing.assert_close(weights[:5], torch.tensor(expected))


def test_one_step_is_row_wise_adagrad_on_the_rows_that_were_touched_and_only_those():
    tables = make(PoolingType.SUM)
    before = rows_of(tables)
    upstream = torch.randn(3, 2, 4)
    (tables(keyed()) * upstream).sum().backward()
    after = rows_of(tables)
    for position, (name, lists) in enumerate(LISTS.items()):
        gradient = np.zeros((SIZES[name], 4))
        for example, row in enumerate(lists):
            for id_ in row:
                gradient[id_] += upstream[example, position].numpy()
        state = (gradient**2).mean(axis=1)
        step = RATE * gradient / (np.sqrt(state) + 1e-8)[:, None]
        expected = before[name].numpy() - step
        np.testing.assert_allclose(after[name].numpy(), expected, rtol=1e-5, atol=1e-6)
        touched = {id_ for row in lists for id_ in row}
        for id_ in range(SIZES[name]):
            assert torch.equal(before[name][id_], after[name][id_]) == (id_ not in touched)


def test_the_second_step_divides_by_the_root_of_both_steps_mean_squares():
    tables = PooledTables({"a": 2}, 4, pooling=PoolingType.SUM, learning_rate=RATE)
    ids = keyed({"a": [[1]]})
    first, second = torch.randn(2, 4)
    start = rows_of(tables)["a"][1]
    for upstream in (first, second):
        (tables(ids)[0, 0] * upstream).sum().backward()
    squares = (first**2).mean()
    expected = start - RATE * first / squares.sqrt()
    expected = expected - RATE * second / (squares + (second**2).mean()).sqrt()
    torch.testing.assert_close(rows_of(tables)["a"][1], expected, rtol=1e-4, atol=1e-5)


def test_no_dense_gradient_of_a_table_ever_exists():
    tables = make()
    tables(keyed()).square().sum().backward()
    assert len(list(tables.tables.parameters())) > 0
    assert all(parameter.grad is None for parameter in tables.parameters())
    assert all(weight.grad is None for weight in tables.tables.state_dict().values())


def test_the_optimizer_only_carries_the_rate():
    tables = make(PoolingType.SUM)
    optimizer = tables.tables.fused_optimizer()
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    optimizer.zero_grad()
    before = rows_of(tables)
    tables(keyed()).sum().backward()
    optimizer.step()
    assert all(torch.equal(before[name], rows) for name, rows in rows_of(tables).items())
