import numpy as np
import pytest
import torch
from torchrec import KeyedJaggedTensor, PoolingType

from smt.layers.hashing import MultiHash
from smt.layers.jagged import Jagged
from smt.layers.tables import PooledTables, Table
from smt.layers.weighers import FrequencyGate, PositionWeights

LISTS = {"a": [[0, 1], [], [2, 2, 3]], "b": [[4], [0, 0], [1]]}
SIZES = {"a": 6, "b": 5}
TABLES = {name: Table(rows, (name,)) for name, rows in SIZES.items()}
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
    return PooledTables(TABLES, 4, pooling=pooling, learning_rate=RATE, weighers=weighers)


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


@pytest.mark.parametrize("pooling", [PoolingType.SUM, PoolingType.MEAN])
def test_looking_lists_up_is_to_rounding_what_torchrecs_collection_does(pooling):
    ours, theirs = make(pooling), make(pooling)
    lists = {
        name: Jagged(each.values(), each.offsets()) for name, each in keyed().to_dict().items()
    }
    assert torch.equal(ours.look_up(lists), theirs(keyed()))
    upstream = torch.randn(3, 2, 4)
    for _ in range(2):
        found, expected = ours.look_up(lists), theirs(keyed())
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
        for tokens in (found, expected):
            (tokens * upstream).sum().backward()
    for name, rows in rows_of(theirs).items():
        torch.testing.assert_close(rows_of(ours)[name], rows, rtol=1e-5, atol=1e-6)


def test_the_second_step_divides_by_the_root_of_both_steps_mean_squares():
    tables = PooledTables({"a": Table(2, ("a",))}, 4, pooling=PoolingType.SUM, learning_rate=RATE)
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


def shared(pooling, hashing=None, weighers=None):
    torch.manual_seed(0)
    tables = {"t": Table(6, ("a", "b")), "u": Table(3, ("c",))}
    return PooledTables(
        tables, 4, pooling=pooling, learning_rate=RATE, hashing=hashing, weighers=weighers
    )


SHARED = {"b": [[4], [0, 0], [1]], "c": [[2, 1], [], [0]], "a": [[0, 1], [], [2, 2, 3]]}


def test_features_of_one_table_share_its_rows_and_tokens_are_in_the_tables_order():
    tables = shared(PoolingType.MEAN)
    assert tables.features == ["a", "b", "c"]
    found, rows = tables(keyed(SHARED)), rows_of(tables)
    for position, (name, table) in enumerate((("a", "t"), ("b", "t"), ("c", "u"))):
        for example, row in enumerate(SHARED[name]):
            expected = literal_pool(rows[table], row, PoolingType.MEAN)
            torch.testing.assert_close(found[example, position], expected)


def test_a_shared_row_learns_from_all_features_in_one_step():
    tables = shared(PoolingType.SUM)
    before = rows_of(tables)["t"].double()
    upstream = torch.randn(3, 3, 4)
    (tables(keyed(SHARED)) * upstream).sum().backward()
    gradient = torch.zeros(6, 4, dtype=torch.float64)
    for position, name in enumerate(("a", "b")):
        for example, row in enumerate(SHARED[name]):
            for id_ in row:
                gradient[id_] += upstream[example, position]
    step = RATE * gradient / (gradient.square().mean(dim=1, keepdim=True).sqrt() + 1e-8)
    found = rows_of(tables)["t"].double()
    torch.testing.assert_close(found, before - step, rtol=1e-5, atol=1e-6)


HASHED = {"b": [[10**12], [7, 7], [1]], "c": [[2, 1], [], [0]], "a": [[-3, 8], [], [2, 2, 90]]}


def hashed_rows(name, ids):
    """The row numbers of some ids: those of `a` and `b` are hashed, those of `c` are not."""
    hashes = {"a": 2, "b": 3}
    if name not in hashes:
        return [[id_] for id_ in ids]
    return MultiHash(6, hashes[name])(torch.tensor(ids, dtype=torch.int64)).tolist()


@pytest.mark.parametrize("pooling", [PoolingType.SUM, PoolingType.MEAN])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_hashed_id_is_the_sum_of_its_rows_under_its_weight_and_a_mean_is_over_ids(
    pooling, weighted
):
    hashing = {"a": MultiHash(6, 2), "b": MultiHash(6, 3)}
    weighers = {name: [PositionWeights(2, 1.0)] for name in "abc"} if weighted else None
    tables = shared(pooling, hashing, weighers)
    found, rows = tables(keyed(HASHED)), rows_of(tables)
    for position, (name, table) in enumerate((("a", "t"), ("b", "t"), ("c", "u"))):
        for example, ids in enumerate(HASHED[name]):
            expected = torch.zeros(4, dtype=torch.float64)
            for place, row in enumerate(hashed_rows(name, ids)):
                weight = (1.0, 0.5, 0.5)[place] if weighted else 1.0
                expected += weight * rows[table][row].double().sum(dim=0)
            if pooling == PoolingType.MEAN and ids:
                expected /= len(ids)
            torch.testing.assert_close(found[example, position].double(), expected)


def test_weighers_of_a_hashed_feature_see_its_ids():
    gate = FrequencyGate(100, 1.0)
    tables = PooledTables(
        {"t": Table(6, ("a",))},
        4,
        pooling=PoolingType.MEAN,
        learning_rate=RATE,
        weighers={"a": [gate]},
        hashing={"a": MultiHash(6, 2)},
    )
    tables(keyed({"a": [[90, 90], [8]]}))
    assert gate.count.nonzero().flatten().tolist() == [8, 90]


def test_a_table_with_another_number_of_rows_than_buckets_is_refused():
    with pytest.raises(ValueError, match="'a' is hashed into 5 buckets, but its table 't' has 6"):
        shared(PoolingType.SUM, {"a": MultiHash(5, 2)})
