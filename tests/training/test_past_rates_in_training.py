"""What past rates see while a network learns: rows of earlier batches, and no others."""

import numpy as np
import pytest
import torch

from smt.data import read_batches
from smt.training.network_training import train_network

COUNTED = ("item", "hour")
EVENTS = ("view", "click")


def literal(rows, before, place, prior):
    """The encoding of one row from a loop over all rows of earlier batches."""
    base = [(sum(row[event] for row in rows[:before]) + 1) / (before + 2) for event in EVENTS]
    encoded = []
    for name in COUNTED:
        same = [row for row in rows[:before] if row[name] == rows[place][name]]
        for event, rate in zip(EVENTS, base, strict=True):
            own = (sum(row[event] for row in same) + prior * rate) / (len(same) + prior)
            encoded.append(np.log(own / (1 - own)) - np.log(rate / (1 - rate)))
        encoded.append(len(same) / (len(same) + prior))
    return encoded


@pytest.fixture
def template(small_template):
    return small_template.change(
        "data", past_rates={"count": 2, "prior_count": 3.0}, train_rows=60
    ).change("training", batch_size=16)


@pytest.fixture
def model(small_model):
    return small_model.model_copy(update={"features": COUNTED, "events": EVENTS})


@pytest.mark.parametrize("passes", [1, 2])
def test_no_row_sees_a_label_of_its_own_batch_or_of_a_later_one(
    passes, start, template, model, small_log
):
    template = template.change("training", passes=passes)
    course = start(template, model=model)
    token = course.network.tower.representation.past_rates
    seen = []
    encode = token.encode
    token.encode = lambda places: seen.append(encode(places)) or seen[-1]
    for number, example in enumerate(course.examples):
        course.learner.step(number, *example)
    rows = small_log.train.slice(3_200 - 60).select([*COUNTED, *EVENTS]).to_pylist()
    expected = [literal(rows, place // 16 * 16, place, 3.0) for place in range(60)]
    found = torch.cat(seen).numpy()
    np.testing.assert_allclose(found, expected * passes, rtol=1e-4, atol=1e-5)
    # Afterwards every row counts, and once.
    course.learner.finish()
    (last, *_), *_ = start(template, model=model).examples
    course.network(last)
    counted = [literal(rows, 60, place, 3.0) for place in range(16)]
    np.testing.assert_allclose(seen[-1].numpy(), counted, rtol=1e-4, atol=1e-5)
    assert len(seen) == 4 * passes + 1


def test_predicting_does_not_count(template, model, small_log):
    network = train_network(template, model, small_log).network
    counts = network.tower.representation.past_rates.counts
    assert counts[-1, 0] == 60
    before = counts.clone()
    rows = small_log.test
    for batch in read_batches(
        rows, small_log.schema, features=network.features, events=EVENTS, batch_size=100
    ):
        network(batch)
    assert torch.equal(counts, before)


def test_auxiliary_events_are_counted_too(template, model, start, small_log):
    template = template.change("data", auxiliary={"source": "events", "count": 2, "weight": 0.1})
    course = start(template, model=model)
    for number, example in enumerate(course.examples):
        course.learner.step(number, *example)
    table = small_log.train.slice(3_200 - 60)
    expected = [60, *(table[name].to_numpy().sum() for name in course.network.labels)]
    assert course.network.labels == (*EVENTS, "long_view", "like")
    counts = course.network.tower.representation.past_rates.counts
    assert counts[-1].tolist() == expected
