import numpy as np
import pytest
import torch

from smt.layers.hashing import MultiHash
from smt.layers.initialize import initialize
from smt.layers.jagged import Jagged
from smt.layers.step_tables import StepTables
from smt.layers.tables import Table

TABLES = {"item": Table(6, ("target", "history")), "kind": Table(3, ("kinds",))}
LISTS = {
    "history": [[0, 1], [], [2, 2, 3]],
    "kinds": [[2], [0, 1], []],
    "target": [[1], [5], [2]],
}
RATE = 0.1


def jagged(lists=LISTS):
    """Feature -> its lists, one after the other."""
    return {
        name: Jagged(
            torch.tensor(flat(rows), dtype=torch.int64),
            torch.tensor([0, *(len(row) for row in rows)]).cumsum(0),
        )
        for name, rows in lists.items()
    }


def make(hashing=None):
    torch.manual_seed(0)
    return StepTables(TABLES, 4, learning_rate=RATE, hashing=hashing)


def rows_of(tables):
    return {
        name.split(".")[-2]: weight.detach().clone() for name, weight in tables.state_dict().items()
    }


def flat(lists):
    return [id_ for row in lists for id_ in row]


TABLE_OF = {"history": "item", "target": "item", "kinds": "kind"}


def test_every_id_has_its_own_vector_and_features_of_one_table_share_rows():
    tables = make()
    found, rows = tables.look_up(jagged()), rows_of(tables)
    assert list(found) == tables.features == ["target", "history", "kinds"]
    for name, lists in LISTS.items():
        assert torch.equal(found[name].values, rows[TABLE_OF[name]][flat(lists)])
        assert found[name].lengths.tolist() == [len(row) for row in lists]
        assert found[name].offsets.dtype == torch.int64


def test_one_step_is_row_wise_adagrad_over_all_uses_of_a_row():
    tables = make()
    before = rows_of(tables)
    upstream = {name: torch.randn(len(flat(lists)), 4) for name, lists in LISTS.items()}
    found = tables.look_up(jagged())
    sum((found[name].values * upstream[name]).sum() for name in LISTS).backward()
    gradients = {"item": np.zeros((6, 4)), "kind": np.zeros((3, 4))}
    for name, lists in LISTS.items():
        for place, id_ in enumerate(flat(lists)):
            gradients[TABLE_OF[name]][id_] += upstream[name][place].numpy()
    for table, gradient in gradients.items():
        step = RATE * gradient / (np.sqrt((gradient**2).mean(axis=1)) + 1e-8)[:, None]
        expected = before[table].numpy() - step
        np.testing.assert_allclose(rows_of(tables)[table].numpy(), expected, rtol=1e-5, atol=1e-6)
    assert all(parameter.grad is None for parameter in tables.parameters())


def test_a_hashed_id_is_the_sum_of_its_rows():
    hashing = {name: MultiHash(6, 3) for name in ("target", "history")}
    tables = make(hashing)
    lists = {**LISTS, "history": [[10**12, -4], [], [8]], "target": [[8], [10**12], [0]]}
    found, rows = tables.look_up(jagged(lists)), rows_of(tables)
    for name in hashing:
        for vector, id_ in zip(found[name].values, flat(lists[name]), strict=True):
            expected = torch.zeros(4)
            for row in MultiHash(6, 3)(torch.tensor([id_]))[0]:
                expected += rows["item"][row]
            torch.testing.assert_close(vector, expected)
    assert torch.equal(found["kinds"].values, rows["kind"][flat(LISTS["kinds"])])


def test_a_batch_without_any_id_gives_no_vectors_and_teaches_nothing():
    tables = make()
    before = rows_of(tables)
    found = tables.look_up(jagged({name: [[], []] for name in LISTS}))
    for each in found.values():
        assert each.values.shape == (0, 4)
        assert each.offsets.tolist() == [0, 0, 0]
    sum(each.values.sum() for each in found.values()).backward()
    assert all(torch.equal(before[name], rows) for name, rows in rows_of(tables).items())


def test_tables_start_from_values_that_their_names_and_the_seed_give():
    first, second = make(), StepTables(TABLES, 4, learning_rate=RATE)
    initialize(first, 3)
    initialize(second, 3)
    for name, rows in rows_of(first).items():
        assert torch.equal(rows, rows_of(second)[name])
        assert rows.abs().max() <= len(rows) ** -0.5


def test_a_table_with_another_number_of_rows_than_buckets_is_refused():
    with pytest.raises(ValueError, match=r"'kinds' is hashed into 4 buckets, but .* 'kind' has 3"):
        make({"kinds": MultiHash(4, 2)})
