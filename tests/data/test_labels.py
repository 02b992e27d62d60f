import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from smt.data.labels import LEAST_SHARE, mature_labels, mix_soft, ripe_delays, smooth
from smt.errors import InputError

NOW = 1_000
ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 300), st.integers(NOW - 400, NOW)),
    min_size=1,
    max_size=40,
)


def tensors(rows):
    happened, delays, times = zip(*rows, strict=True)
    labels = torch.tensor(happened, dtype=torch.float32)
    delays = torch.tensor(delays) * labels.long()
    return labels, delays, torch.tensor(times)


def literal(rows, window, correction, ripe):
    labels, weights = [], []
    for happened, delay, time in rows:
        elapsed = NOW - time
        seen = happened and delay <= window and time + delay <= NOW
        share = 1.0
        if elapsed < window and correction == "weighted":
            share = sum(each <= elapsed for each in ripe) / len(ripe)
        kept = not (elapsed < window and correction == "drop") and share >= LEAST_SHARE
        labels.append(1 / share if seen and share >= LEAST_SHARE else 0.0)
        weights.append(float(kept))
    return labels, weights


@given(ROWS, st.integers(1, 400), st.sampled_from(["none", "drop", "weighted"]))
def test_labels_are_what_was_known_and_open_windows_are_corrected(rows, window, correction):
    ripe = [5, 20, 20, 80, 200]
    labels, weights = mature_labels(
        *tensors(rows),
        window_ms=window,
        observed_until_ms=NOW,
        correction=correction,
        ripe=torch.tensor(ripe),
    )
    expected_labels, expected_weights = literal(rows, window, correction, ripe)
    assert labels.tolist() == pytest.approx(expected_labels)
    assert weights.tolist() == expected_weights


@given(ROWS)
def test_without_a_window_all_that_is_known_counts(rows):
    labels, weights = mature_labels(*tensors(rows), window_ms=None, observed_until_ms=NOW)
    expected = [float(happened and time + delay <= NOW) for happened, delay, time in rows]
    assert labels.tolist() == expected
    assert weights.tolist() == [1.0] * len(rows)


@given(ROWS, st.integers(1, 300))
def test_ripe_delays_are_those_of_events_in_closed_windows(rows, window):
    found = ripe_delays(*tensors(rows), window_ms=window, observed_until_ms=NOW)
    assert found.tolist() == sorted(
        delay for happened, delay, time in rows if happened and delay <= window <= NOW - time
    )


def test_a_conversion_on_the_edge_of_the_window_counts_and_its_window_is_closed():
    labels, weights = mature_labels(
        torch.ones(2),
        torch.tensor([100, 101]),
        torch.tensor([NOW - 100, NOW - 101]),
        window_ms=100,
        observed_until_ms=NOW,
        correction="drop",
    )
    assert labels.tolist() == [1, 0]
    assert weights.tolist() == [1, 1]


def test_times_are_compared_to_the_millisecond():
    now = 1_714_521_600_000
    hour = 3_600_000.0
    rows = (torch.ones(2), torch.tensor([5, 5]), now - int(hour) + torch.tensor([0, 1]))
    options = {"window_ms": hour, "observed_until_ms": now}
    _, weights = mature_labels(*rows, **options, correction="drop")
    assert weights.tolist() == [1, 0]
    assert ripe_delays(*rows, **options).tolist() == [5]


def simulated(count, seed=0):
    """Two kinds of rows that convert with probability 0.5 and 0.1; exponential delays."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(2, size=count)
    happened = rng.random(count) < np.where(kind == 0, 0.5, 0.1)
    delays = np.ceil(rng.exponential(60, size=count)).astype(np.int64) * happened
    times = rng.integers(NOW - 300, NOW, size=count)
    labels = torch.from_numpy(happened).float()
    return torch.from_numpy(kind), labels, torch.from_numpy(delays), torch.from_numpy(times)


def test_weighted_gives_the_loss_and_gradient_of_complete_windows_and_none_does_not():
    kind, labels, delays, times = simulated(400_000)
    window = 200
    complete = ((labels == 1) & (delays <= window)).float()
    rows = {"window_ms": window, "observed_until_ms": NOW}
    ripe = ripe_delays(labels, delays, times, **rows)
    for code in (0, 1):
        here = kind == code
        found = {
            correction: mature_labels(
                labels[here], delays[here], times[here], **rows, correction=correction, ripe=ripe
            )
            for correction in ("none", "drop", "weighted")
        }
        # Not the best logit of either kind, so that every term counts.
        logits = torch.full((int(here.sum()),), 0.7, dtype=torch.float64)
        for correction, (seen, weights) in found.items():
            kept = weights > 0
            # The same rows with complete windows: sampling noise of p cancels for the most part.
            truth = complete[here][kept].double()
            seen = seen[kept].double()
            loss, expected = (
                binary_cross_entropy_with_logits(logits[kept], each).item()
                for each in (seen, truth)
            )
            gradient, right = ((logits[kept].sigmoid() - each).mean() for each in (seen, truth))
            if correction == "none":
                assert abs(gradient - right) > 0.1 * truth.mean()
            else:
                error = 4 * ((seen - truth).std() / math.sqrt(len(seen))).item() + 1e-3
                assert abs(gradient - right) <= error
                assert abs(loss - expected) <= 0.7 * error
        # Most rows whose window is open still teach something.
        open_share = (times[here] + window > NOW).double().mean()
        assert (found["weighted"][1] == 0).double().mean() < 0.1 * open_share


def test_weighted_needs_to_know_delays():
    for ripe in (None, torch.empty(0, dtype=torch.int64)):
        with pytest.raises(InputError, match="never happened in a window that was over"):
            mature_labels(
                torch.ones(1),
                torch.ones(1, dtype=torch.int64),
                torch.tensor([NOW]),
                window_ms=5,
                observed_until_ms=NOW,
                correction="weighted",
                ripe=ripe,
            )


@given(st.floats(0, 1))
def test_smoothing_and_teaching_move_labels_a_share_of_the_way(share):
    labels = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    rates = torch.tensor([0.3, 0.05])
    teacher = torch.tensor([[0.2, 0.9], [0.4, 0.1]])
    for found, target in (
        (smooth(labels, rates, share), rates.expand(2, 2)),
        (mix_soft(labels, teacher, share), teacher),
    ):
        for row in range(2):
            for event in range(2):
                expected = (1 - share) * labels[row, event] + share * target[row, event]
                assert found[row, event].item() == pytest.approx(expected.item(), abs=1e-6)
