import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.layers.hashing import MultiHash, mix

INT64 = st.integers(-(2**63), 2**63 - 1)
MASK = 2**64 - 1


def literal_splitmix64(seed, stream):
    """Output `stream` of the generator, in Python's unbounded integers."""
    z = (seed + 0x9E3779B97F4A7C15 * (stream + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def signed(value):
    return value - 2**64 if value >= 2**63 else value


def test_the_mix_gives_the_published_outputs_of_splitmix64():
    published = [0x599ED017FB08FC85, 0x2C73F08458540FA5, 0x883EBCE5A3F27C77]
    found = [mix(torch.tensor([1234567]), stream).item() & MASK for stream in range(3)]
    assert found == published


@given(st.lists(INT64, max_size=20), st.integers(0, 40))
def test_the_mix_is_splitmix64_of_any_int64(keys, stream):
    found = mix(torch.tensor(keys, dtype=torch.int64), stream)
    assert found.tolist() == [signed(literal_splitmix64(key & MASK, stream)) for key in keys]


@given(st.lists(INT64, max_size=20), st.integers(1, 1000), st.integers(1, 5))
def test_every_bucket_is_in_range_and_depends_on_the_id_alone(ids, buckets, hashes):
    rows = MultiHash(buckets, hashes)
    found = rows(torch.tensor(ids, dtype=torch.int64))
    assert found.shape == (len(ids), hashes)
    assert ((found >= 0) & (found < buckets)).all()
    for id_, each in zip(ids, found, strict=True):
        assert torch.equal(MultiHash(buckets, hashes)(torch.tensor([id_]))[0], each)


def test_ids_fall_evenly_into_buckets_and_the_hashes_are_independent():
    found = MultiHash(16, 2)(torch.arange(100_000)).numpy()
    pairs = np.bincount(found[:, 0] * 16 + found[:, 1], minlength=256)
    expected = 100_000 / 256
    # Chi squared of 255 degrees of freedom: mean 255, deviation 23.
    assert ((pairs - expected) ** 2 / expected).sum() < 255 + 4 * 23


def test_few_ids_share_all_their_buckets_where_many_share_one():
    ids = torch.arange(1000)
    one = len(MultiHash(500, 1)(ids).unique(dim=0))
    three = len(MultiHash(500, 3)(ids).sort(dim=1).values.unique(dim=0))
    assert one < 500
    assert three > 995


def test_hashing_exports_with_a_dynamic_number_of_ids():
    rows, length = MultiHash(10, 2), torch.export.Dim("length")
    exported = torch.export.export(rows, (torch.arange(7),), dynamic_shapes=({0: length},))
    ids = torch.tensor([-5, 2**62, 3])
    assert torch.equal(exported.module()(ids), rows(ids))


@pytest.mark.parametrize("hashes", [1, 4])
def test_one_bucket_holds_everything(hashes):
    assert not MultiHash(1, hashes)(torch.arange(5)).any()
