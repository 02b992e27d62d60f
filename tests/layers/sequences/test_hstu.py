import math

import pytest
import torch
from ragged import LENGTHS, ages_of, alone, drawn, exported, parts, ragged
from torch.nn.functional import silu
from torch.utils.flop_counter import FlopCounterMode

from smt.layers.sequences.hstu import HSTUEncoder

torch.set_num_threads(1)


def encoder(**changed):
    sizes = {"layers": 2, "heads": 2, "max_length": 8, "time_buckets": 6} | changed
    return drawn(HSTUEncoder(4, **sizes))


def literal_norm(x, norm):
    return (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + norm.eps) * norm.weight + norm.bias


def literal_layer(steps, ages, layer, heads):
    """Equations 1 to 3, step by step, of one sequence whose first step is the newest."""
    width = steps.shape[1] // heads
    u, v, q, k = [], [], [], []
    for x in steps:
        projected = layer.project.weight @ literal_norm(x, layer.input_norm) + layer.project.bias
        for part, into in zip(silu(projected).split(4), (u, v, q, k), strict=True):
            into.append(part)
    result = []
    for i, x in enumerate(steps):
        attended = torch.zeros(4, dtype=torch.float64)
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            for j in range(i, len(steps)):
                distance = min(j - i, layer.position_bias.num_embeddings - 1)
                bias = layer.position_bias.weight[distance, head]
                if ages is not None:
                    minutes = abs(float(ages[j] - ages[i])) / 60
                    bucket = min(
                        math.floor(math.log2(1 + minutes)), layer.time_bias.num_embeddings - 1
                    )
                    bias = bias + layer.time_bias.weight[bucket, head]
                attended[part] += silu(q[i][part] @ k[j][part] + bias) * v[j][part] / len(steps)
        gated = literal_norm(attended, layer.attended_norm) * u[i]
        result.append(x + layer.output.weight @ gated + layer.output.bias)
    return torch.stack(result)


@pytest.mark.parametrize("with_ages", [True, False])
@pytest.mark.parametrize("max_length", [8, 3])
def test_encoder_is_the_papers_equations_for_each_list(with_ages, max_length):
    ours, lists = encoder(max_length=max_length), ragged()
    ages = ages_of(lists) if with_ages else None
    found = ours(lists, ages)
    assert torch.equal(found.offsets, lists.offsets)
    each_ages = parts(lists.with_values(ages)) if with_ages else [None] * len(LENGTHS)
    for encoded, steps, times in zip(parts(found), parts(lists), each_ages, strict=True):
        if not len(steps):
            continue
        hidden = steps
        for layer in ours.layers:
            hidden = literal_layer(hidden, times, layer, heads=2)
        torch.testing.assert_close(encoded, hidden)


def test_a_step_sees_no_newer_step():
    ours, lists = encoder(), ragged([5])
    ages = ages_of(lists)
    before = ours(lists, ages).values
    newest = lists.values.clone()
    newest[0, 0] += 1
    after = ours(lists.with_values(newest), ages).values
    assert torch.equal(before[1:], after[1:])
    oldest = lists.values.clone()
    oldest[4, 0] += 1
    after = ours(lists.with_values(oldest), ages).values
    assert (before != after).any(dim=1).all()


def test_a_list_is_encoded_as_if_it_were_alone():
    ours, lists = encoder(), ragged()
    ages = ages_of(lists)
    found = parts(ours(lists, ages))
    for encoded, steps, times in zip(
        found, parts(lists), parts(lists.with_values(ages)), strict=True
    ):
        torch.testing.assert_close(encoded, ours(alone(steps), times).values)


def test_only_the_time_between_steps_counts_and_not_when_they_were():
    ours, lists = encoder(), ragged()
    ages = ages_of(lists)
    later = ours(lists, ages + 3600)
    torch.testing.assert_close(later.values, ours(lists, ages).values)


def test_without_time_buckets_ages_change_nothing():
    ours, lists = encoder(time_buckets=None), ragged()
    assert torch.equal(ours(lists, ages_of(lists)).values, ours(lists).values)


def test_a_batch_of_empty_lists_stays_empty():
    lists = ragged([0, 0])
    assert encoder()(lists, ages_of(lists)).values.shape == (0, 4)


def test_encoder_exports_for_any_lists():
    ours = encoder(layers=1)
    program = exported(ours, *ragged(), ages_of(ragged()))
    for lengths in ([2, 7], [0, 4, 0, 0, 1], [0, 0]):
        lists = ragged(lengths)
        ages = ages_of(lists)
        torch.testing.assert_close(program(*lists, ages), ours(lists, ages).values)


def test_products_are_counted_for_older_steps_only():
    ours = encoder(layers=1)
    with FlopCounterMode(display=False) as counter:
        ours(ragged(), ages_of(ragged()))
    steps, score_pairs = sum(LENGTHS), sum(n * (n + 1) // 2 for n in LENGTHS)
    assert counter.get_total_flops() == 2 * (steps * (4 * 16 + 4 * 4) + score_pairs * 4)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="'dim' must be a multiple of 'heads': 4 is none of 3"):
        HSTUEncoder(4, layers=1, heads=3, max_length=8, time_buckets=None)
