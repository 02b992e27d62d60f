"""Past rates of ids against a loop over all rows, one by one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from smt.layers.event_losses import EventLosses
from smt.layers.initialize import initialize
from smt.layers.losses import CrossEntropy, TweedieDeviance
from smt.layers.past_rates import PastRatesToken

SIZES = [4, 3]


def token_of(prior=2.0, events=2):
    losses = EventLosses((CrossEntropy(),) * events)
    token = PastRatesToken(SIZES, losses, prior_count=prior, hidden=5, dim=3)
    initialize(token, 0)
    return token


def literal(seen, ids, prior, events):
    """The encoding of one row: for each id its lifts, then its share; in float64."""
    encoded = []
    base = [(sum(y[e] for _, y in seen) + 1) / (len(seen) + 2) for e in range(events)]
    for place, own in enumerate(ids):
        same = [y for row, y in seen if row[place] == own]
        for e in range(events):
            rate = (sum(y[e] for y in same) + prior * base[e]) / (len(same) + prior)
            encoded.append(math.log(rate / (1 - rate)) - math.log(base[e] / (1 - base[e])))
        encoded.append(len(same) / (len(same) + prior))
    return encoded


ROW = st.tuples(
    st.tuples(st.integers(0, 3), st.integers(0, 2)), st.tuples(st.integers(0, 1), st.integers(0, 1))
)


@settings(max_examples=40)
@given(batches=st.lists(st.lists(ROW, min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_batch_reads_what_came_before_it_and_is_counted_then(batches):
    token = token_of().train()
    seen = []
    for batch in batches:
        ids = torch.tensor([row for row, _ in batch]).T
        labels = torch.tensor([y for _, y in batch], dtype=torch.float32)
        expected = torch.tensor([literal(seen, row, 2.0, 2) for row, _ in batch])
        encoded = token.encode(ids + token.starts)
        torch.testing.assert_close(encoded, expected, rtol=1e-4, atol=1e-5)
        # One after the other: what is projected was encoded before the batch was counted.
        found = token(ids, labels)
        torch.testing.assert_close(found, token.project(encoded).unsqueeze(1))
        seen += batch


def test_other_labels_of_a_batch_do_not_change_what_it_reads():
    ids = torch.tensor([[0, 1, 1], [2, 2, 0]])
    first, second = (token_of()(ids, torch.full((3, 2), value)) for value in (0.0, 1.0))
    assert torch.equal(first, second)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_counted_without_labels_or_when_predicting(training):
    token = token_of().train(training)
    labels = None if training else torch.ones(2, 2)
    token(torch.tensor([[0, 1], [2, 2]]), labels)
    assert token.counts.abs().sum() == 0


def test_ids_of_two_features_have_counts_of_their_own():
    token = token_of().train()
    token(torch.tensor([[1], [1]]), torch.tensor([[1.0, 0.0]]))
    rows = token.counts[:, 0].tolist()
    assert rows == [0, 1, 0, 0, 0, 1, 0, 1]
    assert token.counts[:, 1].tolist() == rows
    assert token.counts[:, 2].sum() == 0


def test_labels_beyond_those_counted_are_not_read():
    token = token_of(events=1).train()
    token(torch.tensor([[1], [1]]), torch.tensor([[1.0, 1.0, 1.0]]))
    assert token.counts.shape == (8, 2)
    assert token.counts[-1].tolist() == [1, 1]


def test_what_is_forgotten_is_as_if_it_had_never_been():
    token, fresh = token_of().train(), token_of().train()
    ids, labels = torch.tensor([[0, 1], [2, 2]]), torch.ones(2, 2)
    token(ids, labels)
    token.forget()
    assert torch.equal(token(ids, labels), fresh(ids, labels))
    assert torch.equal(token.counts, fresh.counts)


def test_an_event_that_always_or_never_happens_stays_finite():
    token = token_of(prior=1e-3).train()
    ids = torch.tensor([[0] * 500, [0] * 500])
    token(ids, torch.tensor([[1.0, 0.0]]).repeat(500, 1))
    encoded = token.encode(torch.tensor([[0, 3], [0, 2]]) + token.starts)
    assert torch.isfinite(encoded).all()


def test_no_gradient_flows_through_the_counts():
    token = token_of().train()
    ids = torch.tensor([[0, 1], [2, 2]])
    token(ids, torch.ones(2, 2)).sum().backward()
    assert token.project[0].weight.grad is not None
    assert not token.counts.requires_grad


def test_a_hundred_million_rows_of_one_id_are_counted_one_by_one():
    token = token_of(events=1).train()
    before = torch.tensor([100_000_000.0, 10_000_000.0], dtype=torch.float64)
    token.counts[1] = token.counts[-1] = before
    ids, labels = torch.tensor([[1] * 10, [0] * 10]), (torch.arange(10) < 1).float().unsqueeze(1)
    for _ in range(3):
        token(ids, labels)
    assert token.counts[1].tolist() == [100_000_030, 10_000_003]
    assert token.counts[-1].tolist() == [100_000_030, 10_000_003]


def test_what_is_read_is_what_single_precision_read_before_its_counts_stopped():
    token = token_of(prior=100.0).eval()
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(2**24, (len(token.counts), 1), generator=generator)
    token.counts[:] = (rows * torch.rand((len(rows), 3), generator=generator)).round()
    places = torch.tensor([[0, 1, 2, 3], [2, 0, 1, 2]]) + token.starts
    found = token.encode(places)
    token.counts = token.counts.float()
    assert found.dtype == torch.float32
    assert torch.equal(found, token.encode(places))


def test_a_values_lift_is_the_log_of_its_shrunken_mean_over_that_of_all_rows():
    """Beside an event of 0 and 1, whose lifts are as they are alone."""
    losses = EventLosses((TweedieDeviance(1.5), CrossEntropy()))
    token = PastRatesToken(SIZES, losses, prior_count=2.0, hidden=5, dim=3).train()
    alone = token_of(events=1).train()
    ids = torch.tensor([[0, 1, 0, 3], [2, 2, 1, 0]])
    labels = torch.tensor([[12.0, 1.0], [0.0, 0.0], [7.5, 1.0], [0.0, 1.0]])
    assert not token.encode(ids + token.starts)[:, :4:3].any()
    token.forward(ids, labels)
    alone.forward(ids, labels[:, 1:])
    encoded = token.encode(torch.tensor([[0], [1]]) + token.starts)[0].tolist()
    base = 19.5 / 4
    first, second = (19.5 + 2 * base) / 4, (7.5 + 2 * base) / 3
    assert encoded[0] == pytest.approx(math.log(first / base), rel=1e-5)
    assert encoded[3] == pytest.approx(math.log(second / base), rel=1e-5)
    expected = alone.encode(torch.tensor([[0], [1]]) + alone.starts)[0].tolist()
    assert [encoded[place] for place in (1, 2, 4, 5)] == pytest.approx(expected)
