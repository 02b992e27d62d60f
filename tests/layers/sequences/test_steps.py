import math

import pytest
import torch
from ragged import ages_of, drawn, ragged

from smt.layers.sequences.steps import EventSteps, time_bucket

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("minutes", "bucket"),
    [(0, 0), (0.99, 0), (1, 1), (2.99, 1), (3, 2), (7, 3), (62.9, 5), (63, 6), (1e12, 6)],
)
def test_bucket_is_the_whole_logarithm_of_the_minutes(minutes, bucket):
    assert time_bucket(torch.tensor([60.0 * minutes]), 7).tolist() == [bucket]


def test_a_clock_that_runs_ahead_counts_as_no_time():
    assert time_bucket(torch.tensor([-1.0, -1e9]), 7).tolist() == [0, 0]


def test_steps_are_item_plus_event_plus_age():
    steps = drawn(EventSteps(4, num_events=3, time_buckets=6))
    lists = ragged()
    events, ages = torch.tensor([0, 1, 2, 7, -1, 1, 0, 2, 2]), ages_of(lists)
    found = steps(lists.values, events, ages)
    for step, (value, event, age) in enumerate(zip(lists.values, events, ages, strict=True)):
        code = min(max(int(event), 0), 2)
        bucket = min(math.floor(math.log2(1 + float(age) / 60)), 5)
        expected = value + steps.events.weight[code] + steps.times.weight[bucket]
        torch.testing.assert_close(found[step], expected)


@pytest.mark.parametrize(("num_events", "time_buckets"), [(None, 6), (3, None), (None, None)])
def test_only_embeddings_that_have_a_size_and_values_are_added(num_events, time_buckets):
    both = drawn(EventSteps(4, num_events=3, time_buckets=6))
    some = EventSteps(4, num_events=num_events, time_buckets=time_buckets).double()
    some.load_state_dict(both.state_dict(), strict=False)
    lists = ragged()
    events, ages = torch.arange(9) % 3, ages_of(lists)
    expected = both(lists.values, events if num_events else None, ages if time_buckets else None)
    assert torch.equal(some(lists.values, events, ages), expected)
    assert len(list(some.parameters())) == (num_events is not None) + (time_buckets is not None)


def test_steps_export_for_any_number_of_steps():
    steps = drawn(EventSteps(4, num_events=3, time_buckets=6))
    program = torch.export.export(
        steps,
        (ragged().values, torch.arange(9) % 3, ages_of(ragged())),
        dynamic_shapes=[{0: torch.export.Dim.AUTO}] * 3,
    ).module()
    for lengths in ([2, 9], [0]):
        lists = ragged(lengths)
        events, ages = torch.arange(len(lists.values)) % 3, ages_of(lists)
        torch.testing.assert_close(
            program(lists.values, events, ages), steps(lists.values, events, ages)
        )
