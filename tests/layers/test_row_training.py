import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchrec import EmbeddingBagConfig, PoolingType
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim import RowWiseAdagrad

from smt.layers.jagged import Jagged
from smt.layers.row_training import pool_and_train

DIM, ROWS = 4, {"a": 6, "b": 5}
FEATURES = {"a": ("x", "y"), "b": ("z",)}


def collection(pooling, optimizer):
    torch.manual_seed(0)
    return FusedEmbeddingBagCollection(
        [
            EmbeddingBagConfig(
                name=name,
                embedding_dim=DIM,
                num_embeddings=rows,
                feature_names=list(FEATURES[name]),
                pooling=pooling,
            )
            for name, rows in ROWS.items()
        ],
        optimizer,
        {"lr": 0.1},
    )


def bags_of(lists):
    """Of every feature the lists of all examples."""
    bags = [bag for of_feature in lists for bag in of_feature]
    lengths = torch.tensor([0, *(len(bag) for bag in bags)])
    values = torch.tensor([row for bag in bags for row in bag], dtype=torch.int64)
    return Jagged(values, lengths.cumsum(0))


@st.composite
def batches(draw):
    """Two batches of as many examples; in some, all lists are of one id."""
    examples = draw(st.integers(1, 5))
    least, most = draw(st.sampled_from([(1, 1), (0, 4)]))

    def bags(rows):
        ids = st.lists(st.integers(0, rows - 1), min_size=least, max_size=most)
        return [draw(ids) for _ in range(examples)]

    return [bags_of([bags(rows) for rows in (6, 6, 5)]) for _ in range(2)]


@pytest.mark.parametrize("pooling", [PoolingType.SUM, PoolingType.MEAN])
@pytest.mark.parametrize("optimizer", [RowWiseAdagrad, torch.optim.Adagrad])
@given(batches())
def test_vectors_are_to_the_bit_and_steps_to_rounding_those_of_fbgemm(pooling, optimizer, made):
    ours, theirs = collection(pooling, optimizer), collection(pooling, optimizer)
    (own,), (peer,) = ours._emb_modules, theirs._emb_modules
    for rate, bags in zip((0.1, 0.03), made, strict=True):
        for tables in (ours, theirs):
            tables.fused_optimizer().param_groups[0]["lr"] = rate
            tables.fused_optimizer().zero_grad()
        with torch.no_grad():
            looked_up = own(bags.values, bags.offsets, None)
        pooled = pool_and_train(own._emb_module, bags)
        assert torch.equal(pooled, looked_up)
        expected = peer(bags.values, bags.offsets, None)
        upstream = torch.randn(pooled.shape)
        for tokens in (pooled, expected):
            (tokens * upstream).sum().backward()
        for mine, other in zip(
            own.split_embedding_weights(), peer.split_embedding_weights(), strict=True
        ):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
    for mine, other in zip(
        own._emb_module.split_optimizer_states(),
        peer._emb_module.split_optimizer_states(),
        strict=True,
    ):
        torch.testing.assert_close(mine[0], other[0], rtol=1e-4, atol=1e-6)


def test_a_row_that_no_table_has_is_refused():
    (tables,) = collection(PoolingType.SUM, RowWiseAdagrad)._emb_modules
    with pytest.raises(IndexError):
        pool_and_train(tables._emb_module, bags_of([[[1]], [[1]], [[5]]]))


def test_rows_that_no_example_has_stay_as_they_are():
    tables = collection(PoolingType.SUM, RowWiseAdagrad)
    (lookups,) = tables._emb_modules
    before = [weights.clone() for weights in lookups.split_embedding_weights()]
    pool_and_train(lookups._emb_module, bags_of([[[1]], [[3]], [[4]]])).sum().backward()
    changed = [
        (old != new).any(dim=1).nonzero().flatten().tolist()
        for old, new in zip(before, lookups.split_embedding_weights(), strict=True)
    ]
    assert changed == [[1, 3], [4]]
