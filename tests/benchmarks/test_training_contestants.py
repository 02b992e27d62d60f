import pytest
from training_contestants import MOST_DENSE_ROWS, Size, contestants, make_batches


def test_every_contestant_takes_steps():
    steps = contestants("sparsenn_small@1", Size(rows=50, batch=8, ids="zipf"))
    assert {"ours", "DLRM_fused", "DLRM_dense", "DLRM_DCN_fused", "dense_part"} <= steps.keys()
    for step in steps.values():
        step()
        step()


def test_no_contestant_has_dense_gradients_of_huge_tables(monkeypatch):
    monkeypatch.setattr("training_contestants.MOST_DENSE_ROWS", 50)
    assert MOST_DENSE_ROWS > 50
    steps = contestants("sparsenn_small@1", Size(rows=51, batch=8, ids="uniform"))
    assert steps.keys() == {"ours", "DLRM_fused", "DLRM_DCN_fused", "dense_part"}


@pytest.mark.parametrize("ids", ["uniform", "zipf"])
def test_ids_are_rows_of_the_tables(ids):
    values = make_batches(Size(rows=7, batch=64, ids=ids))[0].ids.values()
    assert values.min() >= 0
    assert values.max() <= 6
