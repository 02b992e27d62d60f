import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.layers.hashing import mix
from smt.layers.transforms import BucketIds, CrossIds, QuantileBuckets

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.one_of(st.floats(-10, 10, width=32), st.integers(-3, 3).map(float), st.just(math.nan))


def literal_bucket(value, boundaries):
    if math.isnan(value):
        return len(boundaries) + 1
    return sum(value >= boundary for boundary in boundaries)


@given(st.lists(st.tuples(INT64, INT64), max_size=20), st.integers(1, 500))
def test_a_pairs_id_is_in_range_and_depends_on_the_pair_alone(pairs, num_ids):
    cross = CrossIds(num_ids)
    first, second = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).unbind(1)
    found = cross(first, second)
    assert found.shape == (len(pairs),)
    assert found.dtype == torch.int64
    for (a, b), id_ in zip(pairs, found.tolist(), strict=True):
        key = (mix(torch.tensor([a])).item() + b + 2**63) % 2**64 - 2**63
        assert id_ == mix(torch.tensor([key])).item() % num_ids
        assert 0 <= id_ < num_ids


def test_pairs_of_small_ids_collide_no_more_than_by_chance_and_order_matters():
    first, second = torch.meshgrid(torch.arange(100), torch.arange(100), indexing="ij")
    cross = CrossIds(2**40)
    assert len(cross(first.flatten(), second.flatten()).unique()) == 10_000
    assert (cross(first, second) == cross(second, first)).sum() == 100
    found = CrossIds(50)(first.flatten(), second.flatten())
    counts = np.bincount(found.numpy(), minlength=50)
    # Chi squared of 49 degrees of freedom: mean 49, deviation 10.
    assert ((counts - 200) ** 2 / 200).sum() < 49 + 4 * 10


@given(
    st.lists(st.integers(-3, 3).map(float), max_size=5, unique=True).map(sorted),
    st.lists(NUMBERS, max_size=10),
)
def test_a_number_is_in_the_bucket_that_its_lower_boundary_opens(boundaries, values):
    layer = BucketIds(tuple(boundaries))
    found = layer(torch.tensor(values))
    assert found.dtype == torch.int64
    assert found.tolist() == [literal_bucket(value, boundaries) for value in values]
    assert all(id_ < layer.num_ids for id_ in found.tolist())


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.integers(2, 6))
def test_every_feature_has_buckets_between_its_own_quantiles(rows, buckets):
    values = torch.tensor(rows)
    layer = QuantileBuckets(2, buckets)
    layer.fit(values)
    found = layer(values)
    assert found.shape == values.shape
    for column, boundaries, ids in zip(values.T, layer.boundaries, found.T, strict=True):
        expected = [literal_bucket(each, boundaries.tolist()) for each in column.tolist()]
        assert ids.tolist() == expected
        assert boundaries.tolist() == sorted(boundaries.tolist())
    assert layer.num_ids == buckets + 1


def test_buckets_hold_equally_many_of_the_values_fitted():
    values = torch.from_numpy(np.random.default_rng(0).lognormal(sigma=3, size=(1000, 1)))
    layer = QuantileBuckets(1, 8).double()
    layer.fit(values)
    assert np.bincount(layer(values).flatten().numpy()).tolist() == [125] * 8


def test_transforms_export_with_a_dynamic_batch():
    batch = torch.export.Dim("batch")
    numbers, ids = torch.tensor([0.3, math.nan, 2.0]), torch.tensor([3, 9, 1])
    for layer, inputs in (
        (CrossIds(7), (ids, ids)),
        (BucketIds((0.0, 1.0)), (numbers,)),
        (QuantileBuckets(2, 4), (torch.stack([numbers, numbers], dim=1),)),
    ):
        dynamic = tuple({0: batch} for _ in inputs)
        exported = torch.export.export(layer, inputs, dynamic_shapes=dynamic).module()
        longer = tuple(torch.cat([each, each]) for each in inputs)
        assert torch.equal(exported(*longer), layer(*longer))
