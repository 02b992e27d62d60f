import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.export import Dim, export

from smt.layers.jagged import (
    Jagged,
    end_to_end,
    pairs,
    positions_of,
    rows_of,
    segment_mean,
    segment_softmax,
    segment_sum,
    truncate,
)

torch.set_num_threads(1)
all_lengths = st.lists(st.integers(0, 5), min_size=1, max_size=5)


def jagged(lengths, *width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(sum(lengths), *width, dtype=torch.float64, generator=generator)
    return Jagged(values, torch.tensor([0, *torch.tensor(lengths).cumsum(0)]))


def each_list(lists):
    bounds = pairwise(lists.offsets.tolist())
    return [lists.values[start:end] for start, end in bounds]


@settings(max_examples=50)
@given(all_lengths)
def test_rows_and_positions_are_those_of_a_loop(lengths):
    lists = jagged(lengths)
    assert lists.lengths.tolist() == lengths
    assert lists.rows.tolist() == [row for row, n in enumerate(lengths) for _ in range(n)]
    assert lists.positions.tolist() == [place for n in lengths for place in range(n)]
    assert torch.equal(rows_of(lists.offsets, sum(lengths)), lists.rows)
    assert torch.equal(positions_of(lists.offsets, sum(lengths)), lists.positions)


def test_other_values_are_in_the_same_lists():
    lists = jagged([2, 0, 1], 3)
    other = lists.with_values(torch.arange(3))
    assert torch.equal(other.offsets, lists.offsets)
    assert [values.tolist() for values in each_list(other)] == [[0, 1], [], [2]]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=4))
def test_groups_end_to_end_have_the_lists_of_each_group(groups):
    groups = [jagged(lengths, seed=seed) for seed, lengths in enumerate(groups)]
    expected = [values.tolist() for group in groups for values in each_list(group)]
    assert [values.tolist() for values in each_list(end_to_end(groups))] == expected
    alike = [groups[0], groups[0].with_values(-groups[0].values)]
    expected = [values.tolist() for group in alike for values in each_list(group)]
    assert [values.tolist() for values in each_list(end_to_end(alike))] == expected


@settings(max_examples=50)
@given(all_lengths, st.integers(0, 6))
def test_truncation_keeps_the_first_values_of_every_list(lengths, max_length):
    lists = jagged(lengths, 2)
    kept, mask = truncate(lists, max_length)
    assert torch.equal(kept.values, lists.values[mask])
    for short, whole in zip(each_list(kept), each_list(lists), strict=True):
        assert torch.equal(short, whole[:max_length])


@settings(max_examples=50)
@given(all_lengths, st.sampled_from([(), (3,), (2, 3)]))
def test_sums_are_those_of_each_list(lengths, width):
    lists = jagged(lengths, *width)
    found = segment_sum(lists)
    assert found.shape == (len(lengths), *width)
    for row, values in zip(found, each_list(lists), strict=True):
        torch.testing.assert_close(row, values.sum(dim=0))


@settings(max_examples=50)
@given(all_lengths)
def test_means_are_those_of_each_list_and_zero_where_it_is_empty(lengths):
    lists = jagged(lengths, 3)
    for row, values in zip(segment_mean(lists), each_list(lists), strict=True):
        expected = values.mean(dim=0) if len(values) else torch.zeros(3, dtype=torch.float64)
        torch.testing.assert_close(row, expected)


@settings(max_examples=50)
@given(all_lengths, st.sampled_from([(), (2,), (2, 3)]))
def test_softmax_is_within_each_list(lengths, width):
    scores = jagged(lengths, *width)
    weights = scores.with_values(segment_softmax(scores))
    assert weights.values.shape == scores.values.shape
    for found, values in zip(each_list(weights), each_list(scores), strict=True):
        torch.testing.assert_close(found, values.softmax(dim=0))


def test_softmax_of_scores_that_are_far_from_zero_is_finite():
    scores = Jagged(torch.tensor([900.0, 899.0, -900.0, -902.0]), torch.tensor([0, 2, 4]))
    e = math.e
    expected = [e / (e + 1), 1 / (e + 1), e**2 / (e**2 + 1), 1 / (e**2 + 1)]
    assert segment_softmax(scores).tolist() == pytest.approx(expected)


def test_softmax_has_the_gradient_of_the_dense_one():
    lists = jagged([3, 0, 2], 2)
    values = lists.values.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: segment_softmax(lists.with_values(each)), values)
    wanted = torch.randn(5, 2, dtype=torch.float64)
    (found,) = torch.autograd.grad((segment_softmax(lists) * wanted).sum(), values)
    dense = torch.cat([each.softmax(dim=0) for each in each_list(lists)])
    (expected,) = torch.autograd.grad((dense * wanted).sum(), values)
    torch.testing.assert_close(found, expected)


@settings(max_examples=50)
@given(all_lengths)
def test_pairs_are_all_ordered_pairs_of_each_list(lengths):
    first, second = pairs(jagged(lengths).offsets, sum(lengths))
    expected = []
    start = 0
    for length in lengths:
        indices = range(start, start + length)
        expected += [(i, j) for i in indices for j in indices]
        start += length
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected


class EveryOperation(nn.Module):
    def forward(self, values, offsets):
        lists = Jagged(values, offsets)
        kept, _ = truncate(lists, 2)
        first, second = pairs(offsets, values.shape[0])
        products = (values[first] * values[second]).sum(dim=1)
        met = torch.zeros_like(values[:, 0]).index_add(0, first, products)
        weights = segment_softmax(lists.with_values(met))
        return segment_sum(kept), segment_mean(lists.with_values(values * weights.unsqueeze(1)))


def test_every_operation_exports_for_other_lists():
    network = EveryOperation()
    exported = export(
        network,
        tuple(jagged([3, 0, 4], 2)),
        dynamic_shapes=({0: Dim("values")}, {0: Dim.AUTO}),
    ).module()
    for lengths in ([1, 5], [0, 0, 0, 2], [0, 0], [4] * 6):
        lists = jagged(lengths, 2)
        for found, expected in zip(exported(*lists), network(*lists), strict=True):
            torch.testing.assert_close(found, expected)
