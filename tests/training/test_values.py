"""Networks that predict values, alone and beside events of 0 and 1."""

import importlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_tweedie_deviance

from smt.data import Schema, read_batches
from smt.data.columns import Value
from smt.data.labels import mature_labels
from smt.data.simulator import Simulator
from smt.template.data import Auxiliary, Distillation
from smt.template.optimizers import SGDSpec
from smt.training import train
from smt.training.network_training import train_network
from smt.training.predict import Predictions, constant_ne, judge
from smt.training.windows import model_windows

# The package exports a function of the module's name.
training = importlib.import_module("smt.training.network_training")

WATCHED = ("watch_time",)
MIXED = ("click", "watch_time", "like")
SECONDS = np.array([0.0, 0.5, 3.0, 40.0])


@pytest.fixture(scope="module")
def log(small_simulator):
    spec = small_simulator.spec.model_copy(update={"watch_time": True})
    return Simulator(spec).log()


@pytest.fixture(scope="module")
def model(lean_model):
    return lean_model.model_copy(update={"events": WATCHED})


@pytest.fixture(scope="module")
def mixed(lean_model):
    return lean_model.model_copy(update={"events": MIXED})


def in_units(log, unit):
    """The log with its seconds counted in another unit."""

    def changed(window):
        place = window.column_names.index("watch_time")
        values = window["watch_time"].to_numpy() * np.float32(unit)
        return window.set_column(place, window.field(place), pa.array(values))

    return replace(log, train=changed(log.train), test=changed(log.test))


def labels_of(table, name="watch_time"):
    return table[name].to_numpy().astype(float)


def deviance(labels, means):
    return mean_tweedie_deviance(labels, means, power=1.5)


@pytest.mark.parametrize("judge", ["progressive", "frozen"])
def test_the_loss_is_the_deviance_over_that_of_the_training_windows_mean(
    judge, small_template, model, log
):
    template = small_template.change("training", judge=judge)
    trained = train_network(template, model, log)
    windows, means = trained.windows, np.exp(trained.judged().logits[:, 0])
    before, judged = labels_of(windows.log.train), labels_of(windows.log.test)
    constant = deviance(before, np.full(len(before), before.mean()))
    outcome = train(template, model, log)
    assert outcome.ne == pytest.approx(deviance(judged, means) / constant, rel=1e-6)
    assert outcome.ne < 0.99
    found = outcome.metrics["watch_time"]
    assert found.normalized_deviance == pytest.approx(outcome.ne, rel=1e-6)
    assert found.deviance == pytest.approx(deviance(judged, means))
    assert found.calibration == pytest.approx(means.sum() / judged.sum())
    assert found.base_mean == pytest.approx(before.mean())
    assert 0.05 < found.rank_correlation < 1


def test_predicting_the_training_mean_has_the_loss_1_on_the_training_rows(model, log):
    windows = model_windows(model, log)
    rows = replace(windows.log, test=windows.log.train)
    labels = labels_of(rows.test)[:, None]
    backgrounds = windows.backgrounds(WATCHED)
    predictions = Predictions(np.zeros_like(labels), labels, np.ones(len(labels)))
    assert constant_ne(predictions, backgrounds, windows.base_rates) == pytest.approx(1.0)
    twice = {"watch_time": 2 * windows.base_rates["watch_time"]}
    assert constant_ne(predictions, backgrounds, twice) > 1.01


def test_a_label_counted_in_milliseconds_is_learned_as_one_in_seconds(small_template, model, log):
    seconds = train(small_template, model, log)
    milliseconds = train(small_template, model, in_units(log, 1000))
    assert milliseconds.ne == pytest.approx(seconds.ne, rel=2e-4)
    ratio = milliseconds.metrics["watch_time"].deviance / seconds.metrics["watch_time"].deviance
    assert ratio == pytest.approx(1000**0.5, rel=2e-4)


def test_truth_is_the_expected_loss(small_template, model, log):
    """Over many draws of the label, as its two columns tell."""
    template = small_template.change("training", judge="truth")
    trained = train_network(template, model, log)
    predictions = trained.judged()
    test = trained.windows.log.test
    np.testing.assert_allclose(predictions.labels[:, 0], labels_of(test, "watch_time_truth"))
    metrics, _ = judge(predictions, trained.windows.backgrounds(WATCHED))
    known = predictions.labels[:, 0], np.exp(predictions.logits[:, 0])
    expected = deviance(*known) + labels_of(test, "watch_time_floor").mean()
    assert metrics["watch_time"].deviance == pytest.approx(expected)
    drawn = train(small_template, model, log).metrics["watch_time"].deviance
    assert drawn == pytest.approx(expected, rel=0.15)


def test_events_of_both_kinds_are_learned_by_one_network(small_template, mixed, log):
    outcome = train(small_template, mixed, log)
    found = outcome.metrics
    parts = [found["click"].ne, found["watch_time"].normalized_deviance, found["like"].ne]
    assert outcome.ne == pytest.approx(np.mean(parts), rel=1e-6)
    assert found["watch_time"].normalized_deviance < 0.99


def test_a_value_is_no_part_of_an_entire_space_chain(small_template, lean_model, log):
    """An event that comes after nothing is learned as without a chain."""
    model = lean_model.model_copy(update={"events": ("watch_time", "conversion")})
    chained = small_template.change("architecture", entire_space=True)
    found = train(chained, model, log).metrics["watch_time"]
    assert found.normalized_deviance < 0.99


@pytest.mark.parametrize("events", [WATCHED, MIXED])
@pytest.mark.parametrize("auxiliary", [None, Auxiliary(source="events", count=2, weight=0.3)])
def test_the_gradient_is_that_of_the_literal_loss(
    events, auxiliary, start, small_template, lean_model, log
):
    """With plain gradient descent the bias moves by minus the rate times its derivative."""
    template = small_template.change("data", auxiliary=auxiliary).change(
        "training", optimizer=SGDSpec(momentum=0.0), dense_rate=0.1
    )
    course = start(template, model=lean_model.model_copy(update={"events": events}), log=log)
    batch, labels, weights = next(course.examples)
    network, units = course.network, course.learner.units.double()
    bias = network.bias.detach().clone()
    outputs = course.learner.step(0, batch, labels, weights).double()
    chances, shares = outputs.sigmoid(), (outputs - units.log()).exp()
    slopes = torch.where(
        torch.tensor([event == "watch_time" for event in network.labels]),
        shares**0.5 - labels / units * shares**-0.5,
        chances - labels,
    ).mean(0)
    own = len(events)
    others = 0.3 / max(len(network.labels) - own, 1)
    scale = torch.tensor([1 / own] * own + [others] * (len(network.labels) - own))
    expected = -0.1 * slopes * scale
    torch.testing.assert_close(
        (network.bias.detach() - bias).double(), expected.double(), rtol=1e-3, atol=1e-6
    )


def test_a_network_starts_at_the_mean_of_a_value(start, small_template, mixed, log):
    course = start(small_template, model=mixed, log=log)
    rates = course.windows.base_rates
    scores = course.network.scores(course.network.bias.detach())
    assert scores.tolist() == pytest.approx([rates[event] for event in MIXED], rel=1e-5)


def test_rows_stand_for_those_left_out_where_nothing_happened(start, small_template, model, log):
    template = small_template.change("data", negative_rate=0.25)
    course = start(template, model=model, log=log)
    assert course.correction == 0.0
    labels, weights = (
        torch.cat(parts)[:, 0] for parts in zip(*(e[1:] for e in course.examples), strict=True)
    )
    assert set(weights[labels > 0].tolist()) == {1.0}
    assert set(weights[labels == 0].tolist()) == {4.0}
    rate = course.windows.base_rates["watch_time"]
    assert np.average(labels, weights=weights) == pytest.approx(rate, rel=0.1)


def test_a_teacher_tells_a_value_by_its_mean(monkeypatch, small_template, model, log):
    monkeypatch.setattr(training, "load_version", lambda name, version: small_template)
    spec = Distillation(teacher="sparsenn_small", version=1, weight=0.3)
    told = []
    original = training.mix_soft

    def spy(labels, taught, weight):
        told.append((labels, taught))
        return original(labels, taught, weight)

    monkeypatch.setattr(training, "mix_soft", spy)
    outcome = train(small_template.change("data", distillation=spec), model, log)
    labels, taught = (torch.cat(parts) for parts in zip(*told, strict=True))
    assert taught.mean().item() == pytest.approx(labels.mean().item(), rel=0.2)
    assert outcome.ne < 1


@given(
    values=st.lists(st.sampled_from(SECONDS.tolist()), min_size=6, max_size=6),
    delays=st.lists(st.integers(0, 100), min_size=6, max_size=6),
    correction=st.sampled_from(["drop", "none", "weighted"]),
    window=st.one_of(st.none(), st.integers(1, 80)),
)
def test_a_late_value_is_a_late_event_times_what_it_is_worth(values, delays, correction, window):
    worth = torch.tensor(values, dtype=torch.float32)
    times = torch.arange(6) * 10
    arguments = {
        "window_ms": window,
        "observed_until_ms": 90,
        "correction": correction,
        "ripe": torch.tensor([5, 20, 60]),
    }
    found, weights = mature_labels(worth, torch.tensor(delays), times, **arguments)
    happened, same = mature_labels((worth > 0).int(), torch.tensor(delays), times, **arguments)
    torch.testing.assert_close(found, worth * happened)
    assert torch.equal(weights, same)


def test_what_a_late_value_was_at_the_end_of_the_window_is_what_is_learned(
    start, small_template, model, log
):
    """Delays of a day or more: most of what was watched last is not known yet."""
    waits = np.where(labels_of(log.train) > 0, 86_400_000, 0).astype(np.int64)
    schema = Schema(columns={**log.schema.columns, "watch_time": Value(delay="later")})
    train_rows = log.train.append_column("later", pa.array(waits))
    test_rows = log.test.append_column("later", pa.array(np.zeros(len(log.test), np.int64)))
    late = replace(log, schema=schema, train=train_rows, test=test_rows)
    template = small_template.change("training", judge="frozen")
    windows = model_windows(model, late)
    known = windows.known_rate("watch_time")
    times = labels_of(log.train, "time")
    there = times + waits <= times[-1]
    assert known == pytest.approx((labels_of(log.train) * there).mean())
    assert known < 0.97 * windows.base_rates["watch_time"]
    course = start(template, model=model, log=late)
    learned = torch.cat([example[1] for example in course.examples])
    assert learned.double().mean().item() == pytest.approx(known)


def test_batches_hold_values_as_they_are_logged(log):
    batch = next(read_batches(log.train, log.schema, features=[], events=MIXED, batch_size=50))
    np.testing.assert_array_equal(batch.labels[:, 1], log.train["watch_time"].to_numpy()[:50])
    assert batch.floors is None
    truth = next(
        read_batches(log.train, log.schema, features=[], events=MIXED, batch_size=50, truth=True)
    )
    assert not truth.floors[:, [0, 2]].any()
    expected = log.train["watch_time_floor"].to_numpy()[:50]
    np.testing.assert_array_equal(truth.floors[:, 1], expected)
