import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smt.data.sampling import (
    DAY_MS,
    group_weights,
    keep_mask,
    negative_weights,
    recalibration,
    recency_weights,
)

RATES = st.floats(0.001, 1)


def splitmix(value):
    """The generator's output for one state, literally."""
    value = (value + 0x9E3779B97F4A7C15) % 2**64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def literal_draw(row, seed):
    start = splitmix(seed ^ 0x9E3779B97F4A7C15)
    return (splitmix((row + start) % 2**64) >> 11) / 2**53


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 2**40)), max_size=30),
    RATES,
    st.integers(0, 2**32),
)
def test_a_negative_stays_if_the_hash_of_its_number_and_the_seed_is_small(rows, rate, seed):
    positive = np.array([row[0] for row in rows], bool)
    numbers = np.array([row[1] for row in rows], np.int64)
    expected = [each or literal_draw(number, seed) < rate for each, number in rows]
    assert keep_mask(positive, numbers, rate, seed).tolist() == expected


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.9])
def test_the_share_of_kept_negatives_is_the_rate_in_every_part_of_the_log(rate):
    numbers, none = np.arange(100_000), np.zeros(100_000, bool)
    for seed in (0, 1, 2**31):
        kept = keep_mask(none, numbers, rate, seed)
        for part in (kept, kept[:50_000], kept[::2], kept[::64]):
            assert abs(part.mean() - rate) < 4.5 * math.sqrt(rate * (1 - rate) / len(part))


def test_another_seed_keeps_others_and_a_larger_rate_keeps_more_of_the_same():
    numbers, none = np.arange(20_000), np.zeros(20_000, bool)
    few, many = (keep_mask(none, numbers, rate, 3) for rate in (0.2, 0.5))
    assert not (few & ~many).any()
    other = keep_mask(none, numbers, 0.2, 4)
    assert (few & other).mean() == pytest.approx(0.04, abs=0.006)


def test_a_row_keeps_its_fate_whatever_rows_are_beside_it():
    numbers, none = np.arange(1_000), np.zeros(1_000, bool)
    whole = keep_mask(none, numbers, 0.3, 0)
    assert (keep_mask(none[700:], numbers[700:], 0.3, 0) == whole[700:]).all()


def test_the_rate_one_keeps_every_row():
    assert keep_mask(np.zeros(1_000, bool), np.arange(1_000), 1.0, 0).all()


@given(st.floats(0.001, 0.999), RATES)
def test_recalibration_is_exact(probability, rate):
    # With negatives kept at the rate, a perfect model predicts the share of positives left.
    sampled = probability / (probability + (1 - probability) * rate)
    logit = torch.logit(torch.tensor(sampled, dtype=torch.float64))
    again = (logit + recalibration(rate)).sigmoid().item()
    assert again == pytest.approx(probability, rel=1e-9)
    # Equation 4 of the paper, literally.
    assert again == pytest.approx(sampled / (sampled + (1 - sampled) / rate), rel=1e-9)


def test_weighted_negatives_stand_for_all():
    rng = np.random.default_rng(0)
    positive = rng.random(200_000) < 0.2
    kept = keep_mask(positive, np.arange(len(positive)), 0.1, 0)
    left = torch.from_numpy(positive[kept])
    weights = negative_weights(left, 0.1)
    assert (weights[left] == 1).all()
    share = (weights[left].sum() / weights.sum()).item()
    assert share == pytest.approx(positive.mean(), abs=0.005)


@given(st.integers(0, 40 * DAY_MS), st.floats(0.1, 60))
def test_a_half_life_halves_a_rows_weight(age, half_life):
    newest = 1_700_000_000_000
    times = torch.tensor([newest, newest - age, newest - age - round(half_life * DAY_MS)])
    now, then, before = recency_weights(times, newest, half_life).tolist()
    assert now == 1
    assert then == pytest.approx(0.5 ** (age / DAY_MS / half_life), rel=1e-5)
    assert before == pytest.approx(then / 2, rel=1e-5)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.floats(0, 1))
def test_groups_weigh_by_a_power_of_their_share_and_rows_one_on_average(codes, power):
    weights = group_weights(np.bincount(codes, minlength=6), power)
    raw = {code: (codes.count(code) / len(codes)) ** -power for code in set(codes)}
    mean = sum(raw[code] for code in codes) / len(codes)
    for code in range(6):
        expected = raw[code] / mean if code in raw else 1.0
        assert weights[code] == pytest.approx(expected, rel=1e-5)
    assert weights[np.array(codes)].mean() == pytest.approx(1, rel=1e-5)


def test_the_power_one_makes_groups_equal_and_zero_leaves_rows_equal():
    counts = np.array([90, 0, 10])
    equal = group_weights(counts, 1.0)
    assert 90 * equal[0] == pytest.approx(10 * equal[2])
    assert group_weights(counts, 0.0).tolist() == [1, 1, 1]
